//! What tests do behind the proxy's back to stages and to its own state: to what is in progress.

use bytes::Bytes;
use hallmark_proxy::store::{StateArea, StateName};

use super::MemoryStore;
use super::content::Content;

/// Stages.
impl MemoryStore {
    /// The stages, by age.
    pub fn stage_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.contents().stages.keys().cloned().collect();
        names.sort_by_key(|name| (name.len(), name.clone()));
        names
    }

    /// The numbers of the parts of a stage, ascending.
    ///
    /// # Panics
    /// There is no such stage.
    #[track_caller]
    pub fn staged_parts(&self, stage: &str) -> Vec<u16> {
        let numbers = self.contents().stages.get(stage).map(|stage| stage.parts.keys().copied().collect());
        numbers.unwrap_or_else(|| panic!("there is no {stage}"))
    }

    /// The bytes of a part.
    ///
    /// # Panics
    /// It is not there, or its bytes were not kept.
    #[track_caller]
    pub fn staged_part(&self, stage: &str, number: u16) -> Bytes {
        let contents = self.contents();
        let content = contents.stages.get(stage).and_then(|stage| stage.parts.get(&number));
        let content = content.map(|part| part.content.clone());
        drop(contents);
        match content {
            Some(Content::Bytes(bytes)) => bytes,
            Some(Content::Zeros(_)) | None => panic!("{stage} has no bytes of part {number}"),
        }
    }

    /// Changes a part in place: what names it stays the same, and the store speaks of the length that it had.
    #[track_caller]
    pub fn edit_staged(&self, stage: &str, number: u16, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.staged_part(stage, number).to_vec();
        edit(&mut bytes);
        let mut contents = self.contents();
        let part = contents.stages.get_mut(stage).and_then(|stage| stage.parts.get_mut(&number));
        part.expect("it was there").content = Content::Bytes(bytes.into());
    }

    /// Swaps the bytes of two parts of a stage.
    #[track_caller]
    pub fn swap_staged(&self, stage: &str, one: u16, other: u16) {
        let (first, second) = (self.staged_part(stage, one), self.staged_part(stage, other));
        self.edit_staged(stage, one, |bytes| *bytes = second.to_vec());
        self.edit_staged(stage, other, |bytes| *bytes = first.to_vec());
    }

    /// Takes a stage away.
    pub fn remove_stage(&self, stage: &str) {
        self.contents().stages.remove(stage);
    }
}

/// State objects.
impl MemoryStore {
    /// Names of state objects, sorted.
    pub fn state_names(&self, area: StateArea) -> Vec<StateName> {
        let mut names: Vec<_> =
            self.contents().state.keys().filter(|name| name.area() == area).cloned().collect();
        names.sort_by(|a, b| a.name().cmp(b.name()));
        names
    }

    /// The bytes of a state object.
    ///
    /// # Panics
    /// It is not there.
    #[track_caller]
    pub fn state(&self, name: &StateName) -> Bytes {
        let state = self.contents().state.get(name).cloned();
        state.unwrap_or_else(|| panic!("{} is not stored", name.name()))
    }

    /// Sets the bytes of a state object, or with `None` removes it.
    pub fn set_state(&self, name: &StateName, bytes: Option<Bytes>) {
        match bytes {
            Some(bytes) => self.contents().state.insert(name.clone(), bytes),
            None => self.contents().state.remove(name),
        };
    }

    /// Puts a state object under another name: its bytes are those of `name` in every detail.
    #[track_caller]
    pub fn rename_state(&self, name: &StateName, to: &StateName) {
        let bytes = self.state(name);
        self.set_state(name, None);
        self.set_state(to, Some(bytes));
    }
}
