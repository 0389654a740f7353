//! The time as HTTP writes it (RFC 9110 §5.6.7), made once a second.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub(crate) type Date = [u8; 29];

const DAY: u64 = 24 * 60 * 60;
const WEEKDAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

thread_local! {
    static LAST: Cell<(u64, Date)> = const { Cell::new((0, *b"Thu, 01 Jan 1970 00:00:00 GMT")) };
}

/// The time now.
pub(crate) fn now() -> Date {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LAST.with(|last| {
        let (second, date) = last.get();
        if second == now {
            return date;
        }
        let date = at(now);
        last.set((now, date));
        date
    })
}

/// The date that is `seconds` after the start of 1970.
fn at(seconds: u64) -> Date {
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    let mut date = *b"ddd, DD mmm YYYY HH:MM:SS GMT";
    date[..3].copy_from_slice(name(WEEKDAYS, days % 7));
    date[8..11].copy_from_slice(name(MONTHS, month));
    for (place, number) in [
        (5, day),
        (12, year / 100),
        (14, year % 100),
        (17, second / 3600),
        (20, second / 60 % 60),
        (23, second % 60),
    ] {
        date[place] = digit(number / 10);
        date[place + 1] = digit(number);
    }
    date
}

fn name(names: &[u8], index: u64) -> &[u8] {
    names.chunks(3).nth(usize::try_from(index).unwrap_or(0)).unwrap_or(b"???")
}

fn digit(number: u64) -> u8 {
    b'0' + u8::try_from(number % 10).unwrap_or(0)
}

/// Year, month (from 0) and day of month (from 1) of a day after 1970-01-01, in years that begin in
/// March: the leap day is their last one.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    (year + era * 400 + u64::from(month < 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_164_799, "Wed, 28 Feb 2024 23:59:59 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(expected.as_bytes(), at(seconds), "{seconds}");
        }
    }
}
