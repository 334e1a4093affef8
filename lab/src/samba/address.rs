//! A loopback address of its own for each controller: Active Directory's ports are fixed.

use std::net::{Ipv4Addr, TcpListener};

/// A port that nothing else of ours listens on; whoever has it on an address owns the address.
const GUARD: u16 = 1;
/// What a controller listens on.
const PORTS: &[u16] = &[88, 389, 464, 636, 3268, 3269];

/// An address that no other lab takes as long as this value lives.
pub(super) struct Address {
    ip: Ipv4Addr,
    _guard: TcpListener,
}

impl Address {
    /// Takes one that is free.
    pub(super) fn take() -> Result<Self, String> {
        let mut trouble = String::new();
        for number in 0..1000u32 {
            // Beginning with the process' number, labs that start together rarely meet.
            let place = std::process::id().wrapping_mul(7).wrapping_add(number) % 0xfa00;
            let ip = Ipv4Addr::new(127, 77, (place >> 8) as u8, (place & 0xff) as u8);
            if matches!(ip.octets()[3], 0 | 255) {
                continue;
            }
            let Ok(guard) = TcpListener::bind((ip, GUARD)) else {
                continue;
            };
            let occupied = PORTS
                .iter()
                .find_map(|port| Some((port, TcpListener::bind((ip, *port)).err()?)));
            match occupied {
                None => return Ok(Self { ip, _guard: guard }),
                Some((port, error)) => trouble = format!("port {port} of {ip}: {error}"),
            }
        }
        Err(format!(
            "no loopback address is free for Samba. {trouble} \
             (a server that listens on this port of every address is in the way)"
        ))
    }

    pub(super) fn ip(&self) -> Ipv4Addr {
        self.ip
    }
}
