//! Ports of a node, which nobody else gets for as long as it lives.

use std::io;
use std::net::TcpListener;

/// Below the ports that systems give to clients: a client that reconnects to a node which is down must not get the
/// node's own port and, by a quirk of TCP, connect to itself.
const FIRST: u16 = 21_000;
const BLOCKS: u16 = 1_000;
const BLOCK: u16 = 4;

/// Four ports in a row. The first is held open as the sign that the others are taken, also while the node is down; the
/// system frees it when this process ends, however that happens.
#[derive(Debug)]
pub(crate) struct Ports {
    first: u16,
    _held: TcpListener,
}

impl Ports {
    pub(crate) fn take() -> io::Result<Self> {
        // processes begin their search at different blocks, which makes it short
        let begin = std::process::id() % u32::from(BLOCKS);
        let blocks = (begin..u32::from(BLOCKS)).chain(0..begin);
        let mut firsts = blocks.filter_map(|block| u16::try_from(block).ok()).map(|block| FIRST + block * BLOCK);
        let free = firsts.find_map(|first| Self::at(first).ok());
        free.ok_or_else(|| io::Error::other("every block of four ports from 21000 to 24999 has one in use"))
    }

    pub(crate) fn amqp(&self) -> u16 {
        self.first + 1
    }

    pub(crate) fn dist(&self) -> u16 {
        self.first + 2
    }

    pub(crate) fn epmd(&self) -> u16 {
        self.first + 3
    }

    fn at(first: u16) -> io::Result<Self> {
        let held = bind(first)?;
        for port in first + 1..first + BLOCK {
            bind(port)?;
        }
        Ok(Self { first, _held: held })
    }
}

fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
}

#[cfg(test)]
mod tests {
    use super::{Ports, bind};

    #[test]
    fn a_block_is_given_out_once() {
        let (one, other) = (Ports::take().expect("ports"), Ports::take().expect("ports"));
        assert_ne!(one.first, other.first);
        assert!(Ports::at(one.first).is_err());
    }

    #[test]
    fn a_block_with_a_port_in_use_is_passed_over() {
        let ports = Ports::take().expect("ports");
        let first = ports.first;
        let _used = bind(first + 2).expect("a free port");
        drop(ports);
        assert!(Ports::at(first).is_err());
    }
}
