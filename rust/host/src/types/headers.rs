//! An ordered multimap of header fields in one block of memory.

/// With more bytes than this a map drops the bytes of removed fields.
const COMPACT: usize = 64 << 10;

/// Header fields in their order, repeats kept, names in lower case. One allocation holds all names
/// and values: a request costs two allocations, however many fields it has.
#[derive(Clone, Default)]
pub struct HeaderMap {
    bytes: Vec<u8>,
    fields: Vec<Field>,
    /// Fields whose bytes are before this place are as they were when it was marked.
    marked: usize,
}

#[derive(Clone, Copy)]
struct Field {
    start: usize,
    name: usize,
    value: usize,
}

impl HeaderMap {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty map with room for `fields` fields of `bytes` bytes in all.
    #[must_use]
    pub fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), fields: Vec::with_capacity(fields), marked: 0 }
    }

    /// Appends a field; the name is stored in lower case.
    #[inline]
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let field = self.store(name, value);
        self.fields.push(field);
    }

    #[inline]
    fn store(&mut self, name: &[u8], value: &[u8]) -> Field {
        if self.bytes.len() > COMPACT && self.bytes.len() / 2 > self.byte_len() {
            self.compact();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.bytes[start..].make_ascii_lowercase();
        self.bytes.extend_from_slice(value);
        Field { start, name: name.len(), value: value.len() }
    }

    /// Leaves out the bytes of fields that were replaced or removed.
    fn compact(&mut self) {
        let mut bytes = Vec::with_capacity(self.byte_len());
        for field in &mut self.fields {
            let start = bytes.len();
            let end = field.start + field.name + field.value;
            bytes.extend_from_slice(&self.bytes[field.start..end]);
            field.start = start;
        }
        self.bytes = bytes;
        self.marked = 0;
    }

    #[inline]
    fn name_of(&self, field: Field) -> &[u8] {
        &self.bytes[field.start..field.start + field.name]
    }

    #[inline]
    fn value_of(&self, field: Field) -> &[u8] {
        let start = field.start + field.name;
        &self.bytes[start..start + field.value]
    }

    #[inline]
    fn is(&self, field: Field, name: &[u8]) -> bool {
        field.name == name.len() && self.name_of(field).eq_ignore_ascii_case(name)
    }

    /// The first value of `name`.
    #[must_use]
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields.iter().find(|f| self.is(**f, name)).map(|f| self.value_of(*f))
    }

    /// All values of `name`, in order.
    pub fn get_all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |f| self.is(**f, name)).map(|f| self.value_of(*f))
    }

    /// Makes `value` the only value of `name`, at the place of the first one if there is one.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        let Some(first) = self.fields.iter().position(|f| self.is(*f, name)) else {
            self.push(name, value);
            return;
        };
        let field = self.store(name, value);
        self.fields[first] = field;
        let mut index = 0;
        let bytes = &self.bytes;
        self.fields.retain(|f| {
            index += 1;
            index - 1 <= first
                || f.name != name.len()
                || !bytes[f.start..f.start + f.name].eq_ignore_ascii_case(name)
        });
    }

    /// Adds a field. A pseudo-header has one value: an added value is appended after a comma, as in
    /// Envoy.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) {
        match self.get(name).filter(|_| is_pseudo(name)) {
            Some(old) => {
                let joined = [old, value].join(&b","[..]);
                self.set(name, &joined);
            }
            None => self.push(name, value),
        }
    }

    /// A map of the same fields, each added in turn as to a request's head.
    pub(crate) fn as_request_head(&self) -> Self {
        let mut head = Self::with_capacity(self.len(), self.byte_len());
        self.iter().for_each(|(name, value)| head.add(name_in_request(name), value));
        head
    }

    /// Replaces the value of the field at `place`, if there is one.
    pub fn fill(&mut self, place: usize, value: &[u8]) {
        let Some(field) = self.fields.get(place).copied() else { return };
        let start = self.bytes.len();
        self.bytes.extend_from_within(field.start..field.start + field.name);
        self.bytes.extend_from_slice(value);
        self.fields[place] = Field { start, value: value.len(), ..field };
    }

    /// Removes every field called `name`; true if there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let before = self.fields.len();
        let bytes = &self.bytes;
        self.fields.retain(|f| {
            f.name != name.len() || !bytes[f.start..f.start + f.name].eq_ignore_ascii_case(name)
        });
        before != self.fields.len()
    }

    /// Keeps the fields for which `keep(name, value)` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) {
        let bytes = &self.bytes;
        self.fields.retain(|f| {
            let value = f.start + f.name;
            keep(&bytes[f.start..value], &bytes[value..value + f.value])
        });
    }

    /// Names and values in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|f| (self.name_of(*f), self.value_of(*f)))
    }

    /// Marks the fields that are there: they were looked at.
    pub fn mark(&mut self) {
        self.marked = self.bytes.len();
    }

    /// Names and values in order, and whether the field is one of those that were marked. Fields
    /// that came or changed since are not; in long maps marked ones may be forgotten.
    #[inline]
    pub fn iter_marked(&self) -> impl Iterator<Item = (&[u8], &[u8], bool)> {
        self.fields.iter().map(|f| (self.name_of(*f), self.value_of(*f), f.start < self.marked))
    }

    /// The fields that came or changed since the others were marked.
    #[inline]
    pub(crate) fn iter_unmarked(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let unmarked = self.fields.iter().filter(|f| f.start >= self.marked);
        unmarked.map(|f| (self.name_of(*f), self.value_of(*f)))
    }

    /// The number of fields.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// True without any field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Bytes of all names and values.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.fields.iter().map(|f| f.name + f.value).sum()
    }
}

/// True for the name of a pseudo-header.
pub(crate) fn is_pseudo(name: &[u8]) -> bool {
    name.first() == Some(&b':')
}

/// The name that a request's head has for a field: `host` is another word for `:authority`, as in
/// Envoy, so there are never two of them.
pub(crate) fn name_in_request(name: &[u8]) -> &[u8] {
    if name.eq_ignore_ascii_case(b"host") { b":authority" } else { name }
}

impl std::fmt::Debug for HeaderMap {
    /// Names only: values can be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned());
        f.debug_list().entries(names).finish()
    }
}

impl<'a> FromIterator<(&'a [u8], &'a [u8])> for HeaderMap {
    fn from_iter<I: IntoIterator<Item = (&'a [u8], &'a [u8])>>(fields: I) -> Self {
        let mut map = Self::new();
        for (name, value) in fields {
            map.push(name, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> HeaderMap {
        let fields: [(&[u8], &[u8]); 4] = [(b"A", b"1"), (b"b", b"2"), (b"a", b"3"), (b"c", b"4")];
        fields.into_iter().collect()
    }

    fn text(map: &HeaderMap) -> Vec<String> {
        map.iter().map(|(n, v)| format!("{}={}", n.escape_ascii(), v.escape_ascii())).collect()
    }

    #[test]
    fn repeats_and_order_are_kept() {
        assert_eq!(text(&map()), ["a=1", "b=2", "a=3", "c=4"]);
        assert_eq!(map().get_all(b"A").collect::<Vec<_>>(), [b"1", b"3"]);
    }

    #[test]
    fn set_replaces_all_at_the_first_place() {
        let mut map = map();
        map.set(b"a", b"9");
        map.set(b"d", b"5");
        assert_eq!(text(&map), ["a=9", "b=2", "c=4", "d=5"]);
    }

    #[test]
    fn what_changes_is_marked_no_more() {
        let mut map = map();
        map.mark();
        map.set(b"b", b"9");
        map.push(b"d", b"");
        map.remove(b"c");
        let marked = map.iter_marked().map(|(name, _, marked)| (name[0], marked));
        assert_eq!(
            marked.collect::<Vec<_>>(),
            [(b'a', true), (b'b', false), (b'a', true), (b'd', false)]
        );
        map.bytes.resize(4 * COMPACT, 0);
        map.push(b"e", b"");
        assert!(map.iter_marked().all(|(_, _, marked)| !marked));
    }

    #[test]
    fn a_request_has_one_authority_and_one_of_each_pseudo_header() {
        let fields: [(&[u8], &[u8]); 5] =
            [(b":path", b"/"), (b"Host", b"a"), (b"x", b"1"), (b":authority", b"b"), (b"x", b"2")];
        let head = fields.into_iter().collect::<HeaderMap>().as_request_head();
        assert_eq!(text(&head), [":path=/", ":authority=a,b", "x=1", "x=2"]);
    }

    #[test]
    fn fill_replaces_the_value_at_a_place() {
        let mut map = map();
        map.fill(2, b"9");
        map.fill(9, b"9");
        assert_eq!(text(&map), ["a=1", "b=2", "a=9", "c=4"]);
    }

    #[test]
    fn remove_takes_every_repeat() {
        let mut map = map();
        assert!(map.remove(b"A"));
        assert!(!map.remove(b"A"));
        assert_eq!((text(&map), map.byte_len()), (vec!["b=2".into(), "c=4".into()], 4));
    }

    #[test]
    fn replacing_for_ever_takes_no_more_room() {
        let mut map = map();
        let value = [b'x'; 4096];
        for _ in 0..1000 {
            map.set(b"b", &value);
        }
        assert_eq!(map.get(b"c"), Some(&b"4"[..]));
        assert!(map.bytes.len() < 2 * COMPACT, "{}", map.bytes.len());
    }

    #[test]
    fn values_do_not_show_in_debug() {
        assert_eq!(format!("{:?}", map()), r#"["a", "b", "a", "c"]"#);
    }
}
