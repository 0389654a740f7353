use crate::websocket::frames::Frames;

/// A frame: FIN and opcode, payload, masked or not.
fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(mask | u8::try_from(length).unwrap()),
        length @ 126..65_536 => {
            bytes.push(mask | 0x7e);
            bytes.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(mask | 0x7f);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if masked {
        bytes.extend_from_slice(&[1, 2, 3, 4]);
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// Reads bytes in pieces; gives what went on.
fn read(frames: &mut Frames, bytes: &[u8], step: usize) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    for piece in bytes.chunks(step) {
        let passed = frames.read(piece);
        out.extend_from_slice(passed.held());
        out.extend_from_slice(&piece[..passed.length]);
        if passed.too_large {
            return (out, true);
        }
    }
    (out, false)
}

fn some_frames(masked: bool) -> Vec<u8> {
    [
        frame(0x81, b"", masked),
        frame(0x01, b"hel", masked),
        frame(0x89, b"ping", masked),
        frame(0x80, b"lo", masked),
        frame(0x82, &[7; 125], masked),
        frame(0x82, &[8; 126], masked),
        frame(0x82, &vec![9; 70_000], masked),
        frame(0xc1, &[0x88, 0x00], masked),
    ]
    .concat()
}

#[test]
fn any_cut_gives_the_same_bytes() {
    for masked in [false, true] {
        let bytes = some_frames(masked);
        for step in (1..20).chain([125, 126, 127, 4096, bytes.len()]) {
            let mut frames = Frames::new(100_000);
            assert_eq!(read(&mut frames, &bytes, step), (bytes.clone(), false), "{step}");
            assert!(frames.is_between() && !frames.is_closed(), "{step}");
        }
    }
}

#[test]
fn every_single_cut_gives_the_same_bytes() {
    let bytes = [frame(0x82, &[5; 300], true), frame(0x88, b"\x03\xe8", true)].concat();
    for cut in 0..bytes.len() {
        let mut frames = Frames::new(1000);
        let (mut out, _) = read(&mut frames, &bytes[..cut], usize::MAX);
        assert!(!frames.is_closed(), "{cut}");
        out.extend(read(&mut frames, &bytes[cut..], usize::MAX).0);
        assert_eq!(out, bytes, "{cut}");
        assert!(frames.is_closed(), "{cut}");
    }
}

#[test]
fn a_header_goes_on_when_it_is_whole() {
    let bytes = frame(0x82, &[1; 200], true);
    let mut frames = Frames::new(1000);
    for byte in &bytes[..7] {
        assert_eq!(read(&mut frames, &[*byte], 1).0, b"");
        assert!(frames.is_between());
    }
    assert_eq!(read(&mut frames, &bytes[7..8], 1).0, &bytes[..8]);
    assert!(!frames.is_between());
}

#[test]
fn nothing_goes_on_behind_a_close_frame() {
    let close = frame(0x88, b"\x0f\xa1bye", false);
    let bytes = [close.clone(), frame(0x81, b"late", false)].concat();
    for step in [1, 3, usize::MAX] {
        let mut frames = Frames::new(1000);
        assert_eq!(read(&mut frames, &bytes, step), (close.clone(), false));
        assert!(frames.is_closed() && !frames.is_between());
    }
    let mut frames = Frames::new(1000);
    assert_eq!(read(&mut frames, &frame(0x88, b"", false), 1).0, b"\x88\0");
    assert!(frames.is_closed(), "a close frame may be empty");
}

#[test]
fn what_looks_like_a_close_frame_in_a_payload_is_none() {
    let mut frames = Frames::new(1000);
    read(&mut frames, &frame(0x82, &frame(0x88, b"", false), false), 1);
    assert!(frames.is_between());
}

#[test]
fn a_message_is_bounded_in_all_of_its_frames() {
    let parts = [
        frame(0x02, &[1; 60], false),
        frame(0x89, &[2; 90], false),
        frame(0x00, &[3; 40], false),
        frame(0x80, &[4; 1], false),
    ];
    let bytes = parts.concat();
    for step in [1, 2, 50, usize::MAX] {
        let mut frames = Frames::new(100);
        let expected = parts[..3].concat();
        assert_eq!(read(&mut frames, &bytes, step), (expected, true), "{step}");
        assert!(frames.is_between(), "{step}");
        assert_eq!(read(&mut Frames::new(101), &bytes, step), (bytes.clone(), false), "{step}");
    }
}

#[test]
fn the_largest_lengths_do_not_overflow() {
    let mut bytes = frame(0x01, b"x", false);
    bytes.extend_from_slice(&[0x80, 127, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    let mut frames = Frames::new(u64::MAX - 1);
    assert_eq!(read(&mut frames, &bytes, 1), (bytes[..3].to_vec(), true));
}
