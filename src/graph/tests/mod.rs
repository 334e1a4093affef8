//! Tests against a tiny scripted server.
