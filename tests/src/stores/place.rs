//! Where a store is, in the words of the scripts that start it.

use std::net::SocketAddr;

/// `http://<who>@<address>`, where `<who>@` may be missing.
///
/// # Panics
/// It is another text.
pub(super) fn place(url: &str) -> (String, SocketAddr) {
    let parsed = url.strip_prefix("http://").and_then(|rest| {
        let (who, address) = rest.rsplit_once('@').unwrap_or(("", rest));
        Some((who.to_owned(), address.trim_end_matches('/').parse().ok()?))
    });
    parsed.unwrap_or_else(|| panic!("{url} does not say where a store is: http://WHO@ADDRESS:PORT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_an_address_and_perhaps_who_asks() {
        let address = "127.0.0.1:80".parse().unwrap();
        assert_eq!(place("http://key:secret@127.0.0.1:80"), ("key:secret".to_owned(), address));
        assert_eq!(place("http://127.0.0.1:80/"), (String::new(), address));
    }

    #[test]
    #[should_panic(expected = "does not say where a store is")]
    fn a_name_is_none() {
        place("http://localhost:80");
    }
}
