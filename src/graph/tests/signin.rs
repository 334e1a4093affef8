//! Every kind of sign-in.
