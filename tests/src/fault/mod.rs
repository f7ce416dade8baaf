//! A proxy between Hallmark and a store that does what a store, or the network before it, may do: everything.
//!
//! It stands where the store would and sends on what it is sent, byte for byte, the `Host` header included, which
//! signatures cover. Tests say what happens to which request ([`Which`]): a [`Fault`] once or always, a [`Hold`] that
//! stops a request or its answer until the test lets it go or cuts it off, a [`Recording`] of an answer to be given
//! again later. What came is counted ([`FaultProxy::take_calls`]).
//!
//! | | |
//! |---|---|
//! | `call` | which request is meant |
//! | `mishap`, `answer` | what happens to it |
//! | `plan`, `hold` | when |
//! | `exchange` | one request: what happens before the store, there (`forward`) and after (`give`) |
//! | `wire`, `head` | HTTP/1.1 by the byte |
//! | `tls` | certificates, right and wrong |

mod answer;
mod call;
mod exchange;
mod forward;
mod give;
mod head;
mod hold;
mod mishap;
mod plan;
mod tls;
mod wire;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub use answer::Answer;
pub use call::{Call, Op, Which};
pub use head::Head;
pub use hold::Hold;
pub use mishap::{Edit, Ending, Fault, Made, Rewrite};
pub use plan::Recording;
pub use tls::Certificate;

use exchange::{Client, serve};
use plan::Shared;
use wire::{Incoming, Outgoing, Resetter};

/// A running fault proxy. It ends with this value, and all connections through it.
pub struct FaultProxy {
    address: SocketAddr,
    store: SocketAddr,
    shared: Shared,
    acceptor: Option<TlsAcceptor>,
    listening: Option<JoinHandle<()>>,
    /// Ended without waiting, which async tests could not do.
    runtime: Option<Runtime>,
}

impl FaultProxy {
    /// Stands before the store at this address.
    pub fn start(store: SocketAddr) -> Self {
        Self::listen(store, None)
    }

    /// The same over TLS, with a certificate.
    pub fn start_tls(store: SocketAddr, certificate: &Certificate) -> Self {
        Self::listen(store, Some(certificate.acceptor()))
    }

    fn listen(store: SocketAddr, acceptor: Option<TlsAcceptor>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut proxy = Self {
            address,
            store,
            shared: Shared::default(),
            acceptor,
            listening: None,
            runtime: Some(runtime),
        };
        proxy.resume();
        proxy
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    pub fn endpoint(&self) -> String {
        let scheme = if self.acceptor.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Closes its port and all connections: the store is down.
    pub fn go_down(&mut self) {
        if let (Some(listening), Some(runtime)) = (self.listening.take(), &self.runtime) {
            listening.abort();
            // The port is free when the task is gone.
            let (tell, told) = std::sync::mpsc::channel::<()>();
            runtime.spawn(async move {
                let _ = listening.await;
                drop(tell);
            });
            let _ = told.recv();
        }
    }

    /// From now on it speaks TLS with this certificate, or plain HTTP. Connections that are open end.
    pub fn speak(&mut self, certificate: Option<&Certificate>) {
        self.go_down();
        self.acceptor = certificate.map(Certificate::acceptor);
        self.resume();
    }

    /// Listens again where it did.
    pub fn resume(&mut self) {
        let runtime = self.runtime.as_ref().expect("it is running");
        // Not `block_on`, which async tests could not do.
        let std = std::net::TcpListener::bind(self.address).expect("the port can be bound");
        std.set_nonblocking(true).expect("an option can be set");
        self.address = std.local_addr().expect("it is bound");
        let (shared, store, acceptor) = (self.shared.clone(), self.store, self.acceptor.clone());
        let _entered = runtime.enter();
        let listener = TcpListener::from_std(std).expect("it is a listener");
        self.listening = Some(runtime.spawn(accept(listener, shared, store, acceptor)));
    }

    /// Makes a request go wrong. Several for the same request: one after the other.
    pub fn once(&self, which: impl Into<Which>, fault: Fault) {
        self.shared.plan().once(which.into(), fault);
    }

    /// Makes all such requests go wrong from then on.
    pub fn always(&self, which: impl Into<Which>, fault: Fault) {
        self.shared.plan().always(which.into(), fault);
    }

    /// From now on nothing goes wrong that was to. Tells how much of what was to happen once has not.
    pub fn forget(&self) -> usize {
        self.shared.plan().forget()
    }

    /// Holds a request up as soon as its head came: the store sees nothing of it until it is released. Its body may
    /// still be on its way.
    pub fn hold(&self, which: impl Into<Which>) -> Hold {
        let (hold, barrier) = Hold::new();
        self.shared.plan().hold(which.into(), barrier);
        hold
    }

    /// Holds a request up when all of it came: it can go on after its sender has died.
    pub fn hold_whole(&self, which: impl Into<Which>) -> Hold {
        let (hold, barrier) = Hold::new();
        self.shared.plan().hold_whole(which.into(), barrier);
        hold
    }

    /// Holds a request up that the store has answered, before anything of the answer goes back.
    pub fn hold_answer(&self, which: impl Into<Which>) -> Hold {
        let (hold, barrier) = Hold::new();
        self.shared.plan().hold_answer(which.into(), barrier);
        hold
    }

    /// Keeps the store's answer to a request.
    pub fn record(&self, which: impl Into<Which>) -> Recording {
        let recording = Recording::default();
        self.shared.plan().record(which.into(), recording.clone());
        recording
    }

    /// The requests since this was asked last.
    pub fn take_calls(&self) -> Vec<Call> {
        self.shared.plan().take_calls()
    }

    /// What those asked for.
    pub fn take_ops(&self) -> Vec<Op> {
        self.take_calls().into_iter().map(|call| call.op).collect()
    }

    /// How many requests wait for their answer now.
    pub fn under_way(&self) -> usize {
        self.shared.plan().under_way()
    }

    /// The most that ever waited for the store at once.
    pub fn most_at_once(&self) -> usize {
        self.shared.plan().most_at_once()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, shared: Shared, store: SocketAddr, acceptor: Option<TlsAcceptor>) {
    // They end with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let (shared, acceptor) = (shared.clone(), acceptor.clone());
                connections.spawn(async move {
                    if let Some(client) = shake_hands(stream, acceptor).await {
                        serve(client, shared, store).await;
                    }
                });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn shake_hands(stream: TcpStream, acceptor: Option<TlsAcceptor>) -> Option<Client> {
    stream.set_nodelay(true).ok()?;
    let resetter = Resetter::of(&stream).ok()?;
    // Not `into_split`: half of that says goodbye when it is dropped, which is no reset.
    let (incoming, outgoing): (Incoming, Outgoing) = match acceptor {
        Some(acceptor) => {
            let (incoming, outgoing) = tokio::io::split(acceptor.accept(stream).await.ok()?);
            (Incoming::new(incoming), Box::new(outgoing))
        }
        None => {
            let (incoming, outgoing) = tokio::io::split(stream);
            (Incoming::new(incoming), Box::new(outgoing))
        }
    };
    Some(Client { incoming, outgoing, resetter })
}
