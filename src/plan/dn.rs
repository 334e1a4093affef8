//! The little of DN syntax (RFC 4514) that comparing names needs.
