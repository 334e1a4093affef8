//! Store room: one object and its attribute values, kept compact.

use super::schema::{AttrId, ClassId};
use super::sid::{Guid, Sid};

/// Index of an object in the store; never used twice.
pub type Id = u32;
/// No object: the parent of the domain.
pub const NOBODY: Id = u32::MAX;

/// One value in its stored form.
pub type Value = Box<[u8]>;

/// An object's security identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Not a security principal.
    None,
    /// Of this domain, by RID.
    Domain(u32),
    /// Well-known or of another domain.
    Other(Box<Sid>),
}

/// What an object is apart from its attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// Head of a naming context.
    pub head: bool,
    /// Deleted.
    pub deleted: bool,
    /// Deleted for good: attributes are gone.
    pub recycled: bool,
    /// Protected from accidental deletion.
    pub protected: bool,
    /// May not be deleted or renamed at all.
    pub system: bool,
}

/// One object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Parent, or [`NOBODY`].
    pub parent: Id,
    /// Relative name, unescaped.
    pub rdn: Box<str>,
    /// Structural class.
    pub class: ClassId,
    /// `objectGUID`.
    pub guid: Guid,
    /// `objectSid`.
    pub identity: Identity,
    /// `uSNCreated`.
    pub usn_created: u64,
    /// `uSNChanged`.
    pub usn_changed: u64,
    /// `whenCreated` in seconds since 1970.
    pub created: i64,
    /// `whenChanged` in seconds since 1970.
    pub changed: i64,
    /// State.
    pub flags: Flags,
    /// Stored attributes; links are kept apart.
    pub bag: Bag,
}

/// Stored attributes of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bag(Vec<(AttrId, Values)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    One(Value),
    Many(Vec<Value>),
}

impl Values {
    fn as_slice(&self) -> &[Value] {
        match self {
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(values) => values,
        }
    }
}

impl Bag {
    /// The values of an attribute; none when it isn't there.
    pub fn get(&self, attribute: AttrId) -> &[Value] {
        self.0
            .iter()
            .find(|(id, _)| *id == attribute)
            .map_or(&[], |(_, values)| values.as_slice())
    }

    /// The first value as text.
    pub fn text(&self, attribute: AttrId) -> Option<&str> {
        self.get(attribute)
            .first()
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The first value as a number.
    pub fn number(&self, attribute: AttrId) -> Option<i64> {
        self.text(attribute)?.parse().ok()
    }

    /// Replaces an attribute; no values removes it.
    pub fn set(&mut self, attribute: AttrId, mut values: Vec<Value>) {
        let at = self.0.iter().position(|(id, _)| *id == attribute);
        let new = match values.len() {
            0 => {
                if let Some(at) = at {
                    self.0.remove(at);
                }
                return;
            }
            1 => match values.pop() {
                Some(value) => Values::One(value),
                None => return,
            },
            _ => Values::Many(values),
        };
        match at {
            Some(at) => self.0[at].1 = new,
            None => self.0.push((attribute, new)),
        }
    }

    /// Replaces an attribute by one text.
    pub fn set_text(&mut self, attribute: AttrId, text: &str) {
        self.set(attribute, vec![text.as_bytes().into()]);
    }

    /// All attributes with their values.
    pub fn iter(&self) -> impl Iterator<Item = (AttrId, &[Value])> {
        self.0.iter().map(|(id, values)| (*id, values.as_slice()))
    }

    /// Keeps the attributes that `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(AttrId) -> bool) {
        self.0.retain(|(id, _)| keep(*id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_without_values_is_not_there() {
        let mut bag = Bag::default();
        bag.set(1, vec![b"a".as_slice().into(), b"b".as_slice().into()]);
        bag.set_text(2, "42");
        assert_eq!(bag.get(1).len(), 2);
        assert_eq!(bag.number(2), Some(42));
        bag.set(1, vec![]);
        assert_eq!(bag.iter().count(), 1);
        bag.set(7, vec![]);
        assert_eq!(bag.get(7).len(), 0);
    }
}
