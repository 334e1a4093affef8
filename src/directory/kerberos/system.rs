//! What the platform gives for Kerberos: MIT's GSSAPI on Unix, SSPI on Windows, behind one shape.

use zeroize::Zeroizing;

/// Whose tickets are used, and where they come from.
pub(super) enum Source {
    /// Those that are there: the ticket cache, on Windows the logged-on account.
    Cache,
    /// A key in a file.
    Keytab(String),
    /// A password.
    Password(Zeroizing<String>),
}

#[cfg(all(unix, not(target_vendor = "apple")))]
mod platform {
    use std::sync::Arc;

    use super::Source;
    use crate::ffi::gssapi::{Credential, SecurityContext};
    pub use crate::ffi::gssapi::{Failure, Problem};

    /// Below this many seconds of life, tickets are fetched anew.
    const SHORT: u32 = 300;

    /// Tickets.
    #[derive(Clone)]
    pub struct Tickets(Arc<Credential>);

    impl Tickets {
        pub fn obtain(source: &Source, user: Option<&str>) -> Result<Tickets, Problem> {
            Ok(Tickets(Arc::new(match source {
                Source::Cache => Credential::from_cache(user)?,
                Source::Keytab(path) => Credential::from_keytab(path, user)?,
                Source::Password(password) => {
                    Credential::from_password(user.unwrap_or_default(), password.as_bytes())?
                }
            })))
        }

        /// Good for some time yet.
        pub fn are_fresh(&self) -> bool {
            self.0.describe().is_ok_and(|(_, life)| life >= SHORT)
        }

        /// Whose they are.
        pub fn owner(&self) -> Option<String> {
            self.0.describe().ok().map(|(name, _)| name)
        }
    }

    /// A conversation with one controller.
    pub struct Talk(SecurityContext);

    impl Talk {
        pub fn start(
            tickets: &Tickets,
            host: &str,
            binding: Option<Vec<u8>>,
        ) -> Result<(Talk, Vec<u8>), Problem> {
            let seal = binding.is_none();
            // No realm: the KDC of the account says which one the controller is in.
            let service = format!("ldap/{host}@");
            let (context, token) =
                SecurityContext::start(tickets.0.clone(), &service, binding, seal)?;
            Ok((Talk(context), token))
        }

        pub fn step(&mut self, token: &[u8]) -> Result<Vec<u8>, Problem> {
            self.0.step(token)
        }

        pub fn is_complete(&self) -> bool {
            self.0.is_complete()
        }

        pub fn can_seal(&self) -> bool {
            self.0.is_confidential()
        }

        pub fn wrap(&mut self, seal: bool, message: &[u8]) -> Result<(Vec<u8>, bool), Problem> {
            self.0.wrap(seal, message)
        }

        pub fn unwrap(&mut self, message: &[u8]) -> Result<(Vec<u8>, bool), Problem> {
            self.0.unwrap(message)
        }

        pub fn limit(&mut self, size: u32) -> Result<u32, Problem> {
            self.0.limit(size)
        }
    }
}

/// What the platforms without MIT's library say when they refuse.
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
mod refusal {
    /// A refusal.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Failure {
        pub major: u32,
        pub minor: i32,
        pub texts: Vec<String>,
    }

    /// Why there is no credential or context.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Problem {
        NoLibrary(String),
        Failed(Failure),
    }
}

#[cfg(windows)]
mod platform {
    use std::sync::Arc;

    use super::Source;
    pub use super::refusal::{Failure, Problem};
    use crate::directory::kerberos::problem::sspi_codes;
    use crate::ffi::sspi::{Credential, Refusal, SecurityContext};

    fn failed(refusal: Refusal) -> Problem {
        let (major, minor) = sspi_codes(refusal.status);
        Problem::Failed(Failure {
            major,
            minor,
            texts: vec![refusal.text],
        })
    }

    /// Tickets, which Windows keeps and renews.
    #[derive(Clone)]
    pub struct Tickets(Arc<Credential>);

    impl Tickets {
        pub fn obtain(source: &Source, user: Option<&str>) -> Result<Tickets, Problem> {
            let credential = match source {
                Source::Cache => Credential::of_this_account(),
                Source::Password(password) => {
                    let user = user.unwrap_or_default();
                    let (name, domain) = user.rsplit_once('@').unwrap_or((user, ""));
                    Credential::from_password(name, domain, password)
                }
                // `Kerberos::new` has refused these already.
                Source::Keytab(_) => {
                    return Err(Problem::NoLibrary("Windows has no keytabs".to_owned()));
                }
            };
            Ok(Tickets(Arc::new(credential.map_err(failed)?)))
        }

        pub fn are_fresh(&self) -> bool {
            true
        }

        /// Whose they are.
        pub fn owner(&self) -> Option<String> {
            self.0.owner()
        }
    }

    /// A conversation with one controller.
    pub struct Talk(SecurityContext);

    impl Talk {
        pub fn start(
            tickets: &Tickets,
            host: &str,
            binding: Option<Vec<u8>>,
        ) -> Result<(Talk, Vec<u8>), Problem> {
            let (seal, service) = (binding.is_none(), format!("ldap/{host}"));
            let begun =
                SecurityContext::start(tickets.0.clone(), &service, binding.as_deref(), seal);
            let (context, token) = begun.map_err(failed)?;
            Ok((Talk(context), token))
        }

        pub fn step(&mut self, token: &[u8]) -> Result<Vec<u8>, Problem> {
            self.0.step(token).map_err(failed)
        }

        pub fn is_complete(&self) -> bool {
            self.0.is_complete()
        }

        pub fn can_seal(&self) -> bool {
            self.0.is_confidential()
        }

        pub fn wrap(&mut self, seal: bool, message: &[u8]) -> Result<(Vec<u8>, bool), Problem> {
            let wrapped = self.0.wrap(seal, message).map_err(failed)?;
            Ok((wrapped, seal))
        }

        pub fn unwrap(&mut self, message: &[u8]) -> Result<(Vec<u8>, bool), Problem> {
            self.0.unwrap(message).map_err(failed)
        }

        pub fn limit(&mut self, size: u32) -> Result<u32, Problem> {
            Ok(self.0.limit(size))
        }
    }
}

#[cfg(not(any(windows, all(unix, not(target_vendor = "apple")))))]
mod platform {
    use super::Source;
    pub use super::refusal::{Failure, Problem};

    /// There are none here.
    #[derive(Clone)]
    pub enum Tickets {}

    impl Tickets {
        pub fn obtain(_source: &Source, _user: Option<&str>) -> Result<Tickets, Problem> {
            Err(Problem::NoLibrary(
                "Kerberos isn't built for this platform".to_owned(),
            ))
        }

        pub fn are_fresh(&self) -> bool {
            match *self {}
        }

        pub fn owner(&self) -> Option<String> {
            match *self {}
        }
    }

    /// There is none here.
    pub enum Talk {}

    impl Talk {
        pub fn start(
            tickets: &Tickets,
            _host: &str,
            _binding: Option<Vec<u8>>,
        ) -> Result<(Talk, Vec<u8>), Problem> {
            match *tickets {}
        }

        pub fn step(&mut self, _token: &[u8]) -> Result<Vec<u8>, Problem> {
            match *self {}
        }

        pub fn is_complete(&self) -> bool {
            match *self {}
        }

        pub fn can_seal(&self) -> bool {
            match *self {}
        }

        pub fn wrap(&mut self, _seal: bool, _message: &[u8]) -> Result<(Vec<u8>, bool), Problem> {
            match *self {}
        }

        pub fn unwrap(&mut self, _message: &[u8]) -> Result<(Vec<u8>, bool), Problem> {
            match *self {}
        }

        pub fn limit(&mut self, _size: u32) -> Result<u32, Problem> {
            match *self {}
        }
    }
}

pub(super) use platform::{Failure, Problem, Talk, Tickets};
