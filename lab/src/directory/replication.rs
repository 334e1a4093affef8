//! Store room: two controllers with the same data, or with replication between them held.
//!
//! While it is held the second controller has a copy of its own, as it was at that moment. Who lets go says what becomes
//! of it: it catches up, or the first controller is set up anew from it.

use std::sync::PoisonError;

use super::Directory;
use super::store::Store;
use crate::ldap::front::CONTROLLERS;

impl Directory {
    /// Lets one controller read its data.
    pub(super) fn reading<T>(&self, controller: usize, work: impl FnOnce(&Store) -> T) -> T {
        if controller > 0 {
            let copy = self.0.second.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(store) = copy.as_ref() {
                return work(store);
            }
        }
        work(&self.read())
    }

    /// Lets one controller change its data.
    pub(super) fn writing<T>(&self, controller: usize, work: impl FnOnce(&mut Store) -> T) -> T {
        if controller > 0 {
            let mut copy = self
                .0
                .second
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(store) = copy.as_mut() {
                return work(store);
            }
        }
        work(&mut self.write())
    }

    /// Stops replication to the second controller, or lets it catch up.
    pub fn hold_replication(&self, held: bool) -> Result<(), String> {
        let mut copy = self
            .0
            .second
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let mut store = self.write();
        match (copy.as_ref(), held) {
            (None, true) => {
                let mut own = store.clone();
                own.received[0] = Some(store.usn);
                store.received[1] = Some(store.usn);
                *copy = Some(own);
            }
            (Some(own), false) => {
                if store.received[1] != Some(own.usn) {
                    return Err(
                        "the second controller was written to meanwhile; there is no merging"
                            .into(),
                    );
                }
                store.received = [None; CONTROLLERS];
                *copy = None;
            }
            (_, _) => return Err("replication is that way already".into()),
        }
        Ok(())
    }

    /// Sets the first controller up anew from the second, with another `invocationId`: what it had not passed on is lost.
    pub fn rebuild_first(&self) -> Result<(), String> {
        let mut copy = self
            .0
            .second
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let mut store = self.write();
        let mut own = copy.take().ok_or("replication is not held")?;
        own.received = [None; CONTROLLERS];
        let (invocation, dsa) = (own.new_guid(), own.marks.dsas[0]);
        let attribute = own.schema.a.invocation_id;
        own.set(dsa, attribute, vec![invocation.as_slice().into()]);
        *store = own;
        Ok(())
    }
}

impl Store {
    /// `replUpToDateVector`, version 2 (MS-DRSR 5.205): what this copy has received of each controller.
    pub(super) fn up_to_date_vector(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [2, 0, CONTROLLERS as u32, 0] {
            bytes.extend(number.to_le_bytes());
        }
        for (dsa, received) in self.marks.dsas.iter().zip(self.received) {
            let id = self.object(*dsa).bag.get(self.schema.a.invocation_id);
            bytes.extend(id.first().into_iter().flat_map(|id| id.iter()));
            bytes.extend(received.unwrap_or(self.usn).to_le_bytes());
            bytes.extend(0u64.to_le_bytes());
        }
        bytes
    }
}
