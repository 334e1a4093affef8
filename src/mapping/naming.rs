//! CN and sAMAccountName: presets and what makes any text a legal name.
