//! Hallmark's own objects. Bodies lie as those of users' objects do; a row is a stub.

use std::io;
use std::time::SystemTime;

use super::LocalStore;
use super::committer::{Tables, standing};
use super::id::{Id, unix_ms};
use super::index::{View, area_byte, index_error, off_thread, state_key};
use super::objects::holds;
use super::read::{self, Rest};
use super::receive::Content;
use super::row::Stub;
use crate::proof::UnverifiedState;
use crate::store::{Guard, PutError, Span, StateArea, StateName, StoreError, StoreFault};
use bytes::Bytes;

impl LocalStore {
    pub(super) async fn put_state(
        &self,
        name: &StateName,
        value: Bytes,
        guard: Guard,
    ) -> Result<(), PutError> {
        if matches!(guard, Guard::Matches(_)) {
            return Err(PutError::Unsupported("state on condition of a version"));
        }
        let size = value.len() as u64;
        self.index.room.for_upload(size).map_err(PutError::NotStored)?;
        let id = Id::new().map_err(PutError::NotStored)?;
        let content = Content::of(&self.bodies, id, value).await.map_err(PutError::NotStored)?;
        let row = Stub { id, place: content.place(), size, modified: unix_ms(SystemTime::now()) }.encode();
        let key = state_key(name);
        let change = move |tables: &mut Tables<'_>| {
            let old = standing(&tables.state, &key)?;
            if !holds(&guard, old.as_ref()) {
                return Ok(Err(PutError::GuardFailed));
            }
            tables.changed();
            tables.keep_body(id, content)?;
            tables.state.insert(key.as_slice(), row.as_slice())?;
            old.map_or(Ok(()), |old| tables.drop_body(&old))?;
            Ok(Ok(()))
        };
        self.committer.submit(change).await?
    }

    pub(super) async fn get_state(
        &self,
        name: &StateName,
        span: Span,
    ) -> Result<Option<UnverifiedState>, StoreError> {
        let mut missing = None;
        for _ in 0..read::ATTEMPTS {
            let (key, wanted) = (state_key(name), span.clone());
            let look = move |view: &View| {
                let table = view.state()?;
                let Some(row) = table.get(key.as_slice()).map_err(index_error)? else { return Ok(None) };
                let stub = Stub::decode(row.value())?;
                // What lies past the end is left out: all of it, if need be.
                let span = wanted.within(stub.size).unwrap_or(stub.size..stub.size);
                let inline = view.inline(&stub, &span)?;
                Ok(Some((stub, span, inline)))
            };
            let Some((stub, span, inline)) = self.index.look(look).await? else { return Ok(None) };
            if let Some(bytes) = inline {
                return Ok(Some(UnverifiedState::new(bytes)));
            }
            let path = self.bodies.path(&stub.id);
            match off_thread(move || Rest::open(path, stub.size, &span)?.all()).await? {
                Ok(bytes) => return Ok(Some(UnverifiedState::new(bytes))),
                // Replaced between looking up and opening, unless the row still says the same.
                Err(e) if e.kind() == io::ErrorKind::NotFound && missing != Some(stub.id) => {
                    missing = Some(stub.id);
                }
                Err(e) => return Err(read::unread(&e)),
            }
        }
        Err(StoreError::new(StoreFault::Unavailable, "the state was replaced again and again"))
    }

    pub(super) async fn list_state(
        &self,
        area: StateArea,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let start = [&[area_byte(area)], prefix.as_bytes()].concat();
        // The shortest key that is greater than `after`.
        let after = after.map(|after| [&[area_byte(area)], after.as_bytes(), &[0]].concat());
        let from = after.filter(|after| *after > start).unwrap_or_else(|| start.clone());
        let list = move |view: &View| {
            let table = view.state()?;
            let mut names = Vec::new();
            for entry in table.range::<&[u8]>(from.as_slice()..).map_err(index_error)?.take(limit) {
                let (key, _) = entry.map_err(index_error)?;
                if !key.value().starts_with(&start) {
                    break;
                }
                let name = std::str::from_utf8(&key.value()[1..]);
                let name =
                    name.map_err(|_| StoreError::new(StoreFault::Corrupt, "a name of state is no text"))?;
                names.push(name.to_owned());
            }
            Ok(names)
        };
        self.index.look_at_leisure(list).await
    }

    pub(super) async fn delete_state(&self, name: &StateName) -> Result<(), StoreError> {
        let key = state_key(name);
        let change = move |tables: &mut Tables<'_>| {
            let old = standing(&tables.state, &key)?;
            if tables.state.remove(key.as_slice())?.is_some() {
                tables.changed();
            }
            old.map_or(Ok(()), |old| tables.drop_body(&old))
        };
        Ok(self.committer.submit(change).await?)
    }
}
