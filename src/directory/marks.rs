//! The ownership marks: which group of AD stands for which cloud group.

use super::entry::Entry;
use super::filter::{self, Filter};
use crate::model::{Attributes, ObjectId};

/// Written by all products.
pub const ADMIN_DESCRIPTION: &str = "adminDescription";
/// Join key of Cloud Sync, from the Windows Server 2016 schema; indexed.
pub const EXTERNAL_ID: &str = "msDS-ExternalDirectoryObjectId";

const PREFIXES: [&str; 2] = ["Group_", "TakenOver_Group_"];

/// The value that marks a group of ours.
pub fn value(id: ObjectId) -> String {
    format!("Group_{id}")
}

/// The cloud group a mark names.
pub fn parse(mark: &str) -> Option<ObjectId> {
    PREFIXES.iter().find_map(|prefix| {
        let head = mark.get(..prefix.len())?;
        let id = head
            .eq_ignore_ascii_case(prefix)
            .then(|| &mark[prefix.len()..])?;
        id.parse().ok()
    })
}

/// The cloud group an object stands for; text for people when it can't be told.
pub(super) fn of(entry: &Entry) -> Result<ObjectId, String> {
    let external = entry.text(EXTERNAL_ID).and_then(parse);
    let description = entry.text(ADMIN_DESCRIPTION).and_then(parse);
    match (external, description) {
        (Some(a), Some(b)) if a != b => Err(format!(
            "its marks name different cloud groups ({EXTERNAL_ID} {a}, {ADMIN_DESCRIPTION} {b})"
        )),
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => Err("it has no readable mark".to_owned()),
    }
}

/// The cloud group that attributes to be written name.
pub(super) fn of_attributes(attributes: &Attributes) -> Option<ObjectId> {
    attributes.iter().find_map(|(name, values)| {
        let is_mark =
            name.eq_ignore_ascii_case(ADMIN_DESCRIPTION) || name.eq_ignore_ascii_case(EXTERNAL_ID);
        values.first().filter(|_| is_mark).and_then(|v| parse(v))
    })
}

/// Objects with this attribute as the mark of this group.
pub(super) fn filter(attribute: &str, id: ObjectId) -> Filter {
    filter::or(PREFIXES.map(|prefix| filter::eq(attribute, &format!("{prefix}{id}"))))
}

/// Objects with either attribute as the mark of this group.
pub(super) fn either_filter(id: ObjectId, external: bool) -> Filter {
    let mut parts = vec![filter(ADMIN_DESCRIPTION, id)];
    if external {
        parts.push(filter(EXTERNAL_ID, id));
    }
    filter::or(parts)
}

/// Objects with any mark of any group.
pub(super) fn any_filter(external: bool) -> Filter {
    let mut parts = Vec::new();
    for prefix in PREFIXES {
        parts.push(filter::prefix(ADMIN_DESCRIPTION, prefix));
        if external {
            parts.push(filter::prefix(EXTERNAL_ID, prefix));
        }
    }
    filter::or(parts)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        let id: ObjectId = "6f9619ff-8b86-d011-b42d-00c04fc964ff".parse().unwrap();
        assert_eq!(parse(&value(id)), Some(id));
        assert_eq!(
            parse("takenover_group_6F9619FF-8B86-D011-B42D-00C04FC964FF"),
            Some(id)
        );
        for bad in [
            "",
            "Group_",
            "Group_x",
            "Größe_",
            "Xroup_6f9619ff-8b86-d011-b42d-00c04fc964ff",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
