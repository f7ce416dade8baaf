//! Tells who started this process how far it is, if that wants to know: systemd's protocol, a datagram to the socket that
//! `NOTIFY_SOCKET` names (`sd_notify(3)`). Elsewhere nothing happens.

use sd_notify::NotifyState;

/// Requests are served, by the configuration that holds now.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read again; [`ready`] ends that, whatever became of it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        // When it began: by it `Type=notify-reload` tells this from what it has not asked for.
        Ok(began) => tell(&[NotifyState::Reloading, began]),
        Err(error) => tracing::warn!(%error, "the service manager is not told of the reload"),
    }
}

/// What is under way finishes, and then the process ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager is not told what it waits for (NOTIFY_SOCKET)");
    }
}
