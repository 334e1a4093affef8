//! `POST directory`: what an administrator of the directory and its controllers does.

use super::{Failure, parse, text};
use crate::lab::Lab;
use serde_json::{Value, json};

/// Does one `op`.
pub(super) fn directory(lab: &Lab, body: &Value) -> Result<Value, Failure> {
    let flag = |name: &str| {
        body[name]
            .as_bool()
            .ok_or_else(|| Failure::bad(format!("'{name}' must be true or false")))
    };
    let done = match text(body, "op")? {
        "stopServer" => lab.front().stop_server(parse(&body["index"])?),
        "startServer" => lab.front().start_server(parse(&body["index"])?),
        "denyAttribute" => lab
            .directory
            .deny_attribute(text(body, "account")?, text(body, "attribute")?),
        "protect" => lab
            .directory
            .protect_container(text(body, "dn")?, flag("protected")?),
        "recycleBin" => lab.directory.set_recycle_bin(flag("on")?),
        "readOnly" => lab.directory.set_read_only(flag("on")?),
        "holdReplication" => lab.directory.hold_replication(flag("on")?),
        "rebuildServer" => lab.directory.rebuild_first(),
        "strictMembers" => lab.directory.set_strict_members(flag("on")?),
        "addGroup" => {
            let members: Vec<String> = parse(&body["members"])?;
            let (name, kind) = (text(body, "name")?, parse(&body["groupType"])?);
            let made = lab.directory.create_group(name, kind, &members);
            let made = made.map_err(Failure::bad)?;
            return Ok(json!({"dn": made.dn, "sid": made.sid, "guid": made.guid}));
        }
        other => Err(format!("unknown op '{other}'")),
    };
    done.map(|()| json!({})).map_err(Failure::bad)
}
