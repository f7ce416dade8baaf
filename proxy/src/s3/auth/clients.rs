//! Clients by access key, with the signing key of the newest day for each.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use hallmark_config::{Client, Secret};

use super::credential::Scope;
use super::signature::SigningKey;

/// The configured clients.
#[derive(Debug)]
pub(super) struct Clients {
    by_access_key: HashMap<Box<str>, (Arc<Client>, Keys)>,
    /// Stands in for clients that do not exist.
    nobody: Keys,
}

/// One secret, and the key derived from it for the newest day that was asked for. Four HMACs are thus spent once a
/// day and client, and memory is bounded by the number of clients. The lock is held for a copy of 32 bytes only.
#[derive(Debug)]
struct Keys {
    secret: Secret,
    newest: RwLock<Option<(String, SigningKey)>>,
}

impl Clients {
    pub(super) fn new(clients: impl IntoIterator<Item = Client>) -> Self {
        let entry = |client: Client| {
            let keys = Keys::new(client.secret.clone());
            (client.access_key.clone().into_boxed_str(), (Arc::new(client), keys))
        };
        let by_access_key = clients.into_iter().map(entry).collect();
        // Its value does not matter: a signature by it is refused even when it matches.
        Self { by_access_key, nobody: Keys::new(Secret::new("nobody".into())) }
    }

    /// The client with `access_key` and its key for `scope`; no client and a key of the same cost if there is none.
    pub(super) fn signing_key(&self, access_key: &str, scope: &Scope) -> (Option<Arc<Client>>, SigningKey) {
        match self.by_access_key.get(access_key) {
            Some((client, keys)) => (Some(client.clone()), keys.signing_key(scope)),
            None => (None, self.nobody.signing_key(scope)),
        }
    }
}

impl Keys {
    fn new(secret: Secret) -> Self {
        Self { secret, newest: RwLock::new(None) }
    }

    /// The key for `scope`, whose region is always the same.
    fn signing_key(&self, scope: &Scope) -> SigningKey {
        // A poisoned lock is harmless: the pair is replaced as a whole or not at all.
        if let Some((day, key)) = &*self.newest.read().unwrap_or_else(PoisonError::into_inner)
            && day == scope.date()
        {
            return key.clone();
        }
        let key = SigningKey::derive(&self.secret, scope);
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        // Old presigned URLs must not push today's key out.
        if newest.as_ref().is_none_or(|(day, _)| day.as_str() < scope.date()) {
            *newest = Some((scope.date().to_owned(), key.clone()));
        }
        key
    }
}
