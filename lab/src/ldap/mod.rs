//! LDAP as the lab's servers share it, whatever stands behind them: bytes (`ber`, `message`), streams
//! (`stream`), two controllers that can go and come back (`front`), counts and faults on order
//! (`counters`, `faults`). Nothing here knows what a directory is.

pub(crate) mod ber;
pub(crate) mod counters;
pub(crate) mod faults;
pub(crate) mod front;
pub(crate) mod message;
pub(crate) mod stream;
