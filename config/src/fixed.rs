//! What a proxy that runs cannot change: what its listeners, its memory and its store were made of.

use crate::types::{Admin, Cache, Config, Limits, Server, State};

impl Config {
    /// The dotted keys of what differs from `running` and only counts after a restart. A whole table is named by its own
    /// key where it came, went, or is one thing.
    pub fn needs_restart(&self, running: &Self) -> Vec<&'static str> {
        // Taken apart in full, so that nobody adds a setting without deciding on which side it belongs.
        let Self { realm, server, admin, limits, cache, state, store, .. } = self;
        let Self { seal: _, keys: _, identities: _, roles: _, attestations: _, deny: _, clients: _, .. } =
            self;
        let mut changed = Vec::new();
        let mut note = |key, same: bool| {
            if !same {
                changed.push(key);
            }
        };
        note("realm", *realm == running.realm);
        let Server { listen, tls, domains: _, region: _, dangerous_unsigned_payload_over_http: _ } = server;
        note("server.listen", *listen == running.server.listen);
        // Other certificates can be taken; whether there are any cannot.
        note("server.tls", tls.is_some() == running.server.tls.is_some());
        match (admin, &running.admin) {
            (Some(Admin { listen, drain_delay }), Some(running)) => {
                note("admin.listen", *listen == running.listen);
                note("admin.drain_delay", *drain_delay == running.drain_delay);
            }
            (one, other) => note("admin", one.is_some() == other.is_some()),
        }
        let Limits {
            max_connections,
            max_object_size,
            memory_budget,
            header_timeout,
            idle_timeout,
            min_rate,
            drain_timeout,
        } = limits;
        note("limits.max_connections", *max_connections == running.limits.max_connections);
        note("limits.max_object_size", *max_object_size == running.limits.max_object_size);
        note("limits.memory_budget", *memory_budget == running.limits.memory_budget);
        note("limits.header_timeout", *header_timeout == running.limits.header_timeout);
        note("limits.idle_timeout", *idle_timeout == running.limits.idle_timeout);
        note("limits.min_rate", *min_rate == running.limits.min_rate);
        note("limits.drain_timeout", *drain_timeout == running.limits.drain_timeout);
        let Cache { verdicts, heads, records, leaves } = cache;
        note("cache.verdicts", *verdicts == running.cache.verdicts);
        note("cache.heads", *heads == running.cache.heads);
        note("cache.records", *records == running.cache.records);
        note("cache.leaves", *leaves == running.cache.leaves);
        let State { secret_file, generated: _, previous_secret_file } = state;
        note("state.secret_file", *secret_file == running.state.secret_file);
        note("state.previous_secret_file", *previous_secret_file == running.state.previous_secret_file);
        note("store", *store == running.store);
        changed
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parse(text: &str) -> Config {
        let base = "realm = \"r\"\nseal.key_file = \"seal.key\"\nstore.path = \"data\"\n";
        let text = if text.contains("realm") { text.to_owned() } else { format!("{base}{text}") };
        Config::parse(&text, Path::new("/nowhere"), "h.toml", &|_| None).unwrap()
    }

    #[test]
    fn what_only_counts_after_a_restart_is_named() {
        let running = parse("");
        for (text, expected) in [
            ("", &[][..]),
            ("[server]\nregion = \"eu-central-1\"\ndomains = [\"s3.example.com\"]", &[]),
            ("[seal]\ntrusted_key_files = [\"other.pub\"]\n[buckets.app]\nimmutable = true", &[]),
            ("[server]\nlisten = \"127.0.0.1:1\"", &["server.listen"]),
            ("[admin]\nlisten = \"127.0.0.1:1\"", &["admin"]),
            (
                "[limits]\nmemory_budget = \"1 GiB\"\nmin_rate = \"2 KiB\"",
                &["limits.memory_budget", "limits.min_rate"],
            ),
            ("[cache]\nleaves = \"0\"", &["cache.leaves"]),
            (
                "realm = \"other\"\nseal.key_file = \"keys/seal.key\"\nstore.path = \"elsewhere\"",
                &["realm", "state.secret_file", "store"],
            ),
        ] {
            let text = text.replace("[seal]\n", "seal.");
            assert_eq!(parse(&text).needs_restart(&running), expected, "{text}");
        }
    }
}
