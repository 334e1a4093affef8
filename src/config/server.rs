//! Addresses of services as people write them.

use std::net::{IpAddr, SocketAddr};

/// One name of `-Server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `Some(true)`: `ldaps://`, `Some(false)`: `ldap://`.
    pub secure: Option<bool>,
    /// A controller's or a domain's name, or an address.
    pub host: String,
    /// As given.
    pub port: Option<u16>,
}

/// `[ldap[s]://]host[:port]`, several with commas between.
pub fn parse(text: &str) -> Option<Vec<Entry>> {
    text.split(',').map(entry).collect()
}

fn entry(text: &str) -> Option<Entry> {
    let text = text.trim();
    let (secure, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ldaps") => (Some(true), rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ldap") => (Some(false), rest),
        Some(_) => return None,
        None => (None, text),
    };
    let (host, port) = match rest.rsplit_once(':') {
        // A bare IPv6 address has colons, but no port.
        Some(_) if rest.parse::<std::net::Ipv6Addr>().is_ok() => (rest, None),
        Some((host, port)) if !port.contains(']') => {
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse().ok().filter(|port| digits && *port != 0)?;
            (host, Some(port))
        }
        _ => (rest, None),
    };
    let inner = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let address = inner.parse::<IpAddr>().is_ok();
    (address || is_host(host)).then(|| Entry {
        secure,
        host: if address { inner } else { host }.to_owned(),
        port,
    })
}

/// Labels of letters, digits and hyphens (and underscores, which some have).
pub fn is_host(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        })
}

/// A DNS server: `address[:port]`, port 53 unless given.
pub fn dns(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    match text.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => Some(SocketAddr::new(address, 53)),
        Err(_) => text.parse().ok().filter(|a: &SocketAddr| a.port() != 0),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn servers() {
        for good in [
            "dc1",
            "dc1.contoso.test",
            "dc1:636",
            "10.0.0.1:636",
            "::1",
            "[::1]:636",
            "a,b:636, c",
            "ldap://dc1:1389",
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            ":636",
            "dc1:",
            "dc1:x",
            "http://dc1",
            "dc1/x",
            "dc1:0",
            "a@b",
            "dc1:70000",
            "a,,b",
            "a,",
            "dc1:+1",
            "a..b",
            "-a",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        let entries = parse("LDAPS://dc1:389 ,[::1]").unwrap();
        let expected = Entry {
            secure: Some(true),
            host: "dc1".to_owned(),
            port: Some(389),
        };
        assert_eq!(entries[0], expected);
        assert_eq!((entries[1].host.as_str(), entries[1].port), ("::1", None));
    }

    #[test]
    fn dns_servers() {
        for (text, expected) in [
            ("10.0.0.1", Some("10.0.0.1:53")),
            ("10.0.0.1:5353", Some("10.0.0.1:5353")),
            ("::1", Some("[::1]:53")),
            ("[::1]:5353", Some("[::1]:5353")),
            ("dns1", None),
            ("10.0.0.1:0", None),
        ] {
            assert_eq!(
                dns(text).map(|a| a.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
