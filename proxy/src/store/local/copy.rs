//! Copies: new names for bytes that are there.
//!
//! A file's id names its bytes for good, so whatever was linked while the pin held is what the pin names, even if the
//! source is replaced a moment later.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use super::LocalStore;
use super::bodies::{Bodies, NewBody, Writing};
use super::committer::Tables;
use super::id::{Id, unix_ms};
use super::index::{View, off_thread};
use super::leases::Lease;
use super::lookup::find;
use super::objects::{NewVersion, place, welcome};
use super::read;
use super::receive::{Content, unwritten};
use super::row::Place;
use super::segments::Segment;
use crate::name::ObjectName;
use crate::store::{Committed, GetError, PutError, Source, Span, StoreError, StoreFault, Write};

/// Why the bytes of the source were not taken over.
enum NotTaken {
    /// A file or a list of files is gone: the version was replaced, unless its row still stands.
    Gone,
    Failed(StoreError),
}

impl LocalStore {
    pub(super) async fn copy_object(
        &self,
        source: &Source,
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        // What is refused anyway is refused before files are made. It is judged again in the transaction.
        let (early, write) = {
            let object = object.clone();
            self.index.look(move |view| Ok((welcome(view, &object, &write), write))).await
        }
        .map_err(PutError::NotStored)?;
        early?;
        self.index.room.for_upload(0).map_err(PutError::NotStored)?;

        let (id, content, size) = self.take_over(source).await?;
        let new = NewVersion { id, size, modified: unix_ms(SystemTime::now()), etag: etag.into(), write };
        let (object, stage) = (object.clone(), source.while_staged.clone());
        let change = move |tables: &mut Tables<'_>| match stage {
            Some(stage) if !tables.has_stage(&stage)? => Ok(Err(PutError::NoSuchStage)),
            Some(_) | None => place(tables, &object, new, content),
        };
        self.committer.submit(change).await?
    }

    /// Makes a body of the bytes that the source's pin names; says which, and of how many.
    async fn take_over(&self, source: &Source) -> Result<(Id, Content, u64), PutError> {
        let mut missing = false;
        loop {
            // A new one each time: what a first attempt left behind is removed by its name.
            let id = Id::new().map_err(PutError::NotStored)?;
            let wanted = source.clone();
            let look = move |view: &View| {
                let Source { object, version, pin, while_staged: _ } = &wanted;
                find(view, object, version.as_ref(), &Span::All, Some(pin))
            };
            let found = self.index.look(move |view| Ok(look(view))).await.map_err(PutError::NotStored)?;
            let found = found.map_err(unfit)?;
            let stub = found.version.row.head.stub;
            if let Some(bytes) = found.inline {
                return Ok((id, Content::Inline(bytes), stub.size));
            }
            let lease = Lease::take(&self.bodies, stub.id);
            let (index, bodies) = (Arc::clone(&self.index), Arc::clone(&self.bodies));
            let link = move || {
                let room = |length| index.room.for_upload(length);
                let taken = match stub.place {
                    // Such a body was found above.
                    Place::Inline => Err(NotTaken::Gone),
                    Place::File => {
                        let whole = Segment { file: stub.id, length: stub.size };
                        link(&bodies, id, whole, &room).map(Content::File)
                    }
                    Place::Segments => {
                        let extents = index.view().and_then(|view| view.extents(&stub, &(0..stub.size)));
                        let extents = extents.map_err(NotTaken::Failed).and_then(|e| e.ok_or(NotTaken::Gone));
                        extents.and_then(|extents| {
                            link_all(&bodies, extents.iter().map(|extent| extent.segment), &room)
                        })
                    }
                };
                drop(lease);
                taken
            };
            match off_thread(link).await.map_err(PutError::NotStored)? {
                Ok(content) => return Ok((id, content, stub.size)),
                // Replaced between looking up and linking, unless the row still says the same.
                Err(NotTaken::Gone) if !missing => missing = true,
                Err(NotTaken::Gone) => {
                    return Err(PutError::NotStored(read::unread(&io::ErrorKind::NotFound.into())));
                }
                Err(NotTaken::Failed(error)) => return Err(PutError::NotStored(error)),
            }
        }
    }
}

/// Why the source is not what is meant.
fn unfit(error: GetError) -> PutError {
    match error {
        GetError::NoSuchBucket
        | GetError::NoSuchKey
        | GetError::NoSuchVersion
        | GetError::DeleteMarker(_)
        | GetError::NoSuchStage
        | GetError::OutOfRange
        | GetError::Changed => PutError::SourceChanged,
        GetError::Store(error) => PutError::NotStored(error),
    }
}

/// Says whether there is room for so many bytes.
type Room<'a> = &'a dyn Fn(u64) -> Result<(), StoreError>;

fn link_all(
    bodies: &Arc<Bodies>,
    segments: impl Iterator<Item = Segment>,
    room: Room<'_>,
) -> Result<Content, NotTaken> {
    let (mut list, mut new) = (Vec::new(), Vec::new());
    for segment in segments {
        let id = Id::new().map_err(NotTaken::Failed)?;
        new.push(link(bodies, id, segment, room)?);
        list.push(Segment { file: id, ..segment });
    }
    Ok(Content::Segments { list, new })
}

/// Gives the bytes of a file, which are durable, a second name. Blocks.
fn link(bodies: &Arc<Bodies>, id: Id, from: Segment, room: Room<'_>) -> Result<NewBody, NotTaken> {
    let (source, target) = (bodies.path(&from.file), bodies.path(&id));
    let body = NewBody::begin(bodies, id);
    match std::fs::hard_link(&source, &target) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(NotTaken::Gone),
        // Too many links to one file, or a file system that knows none. If there is another reason, it will show.
        Err(_) => return duplicate(bodies, body, from, room),
    }
    // What was linked may be anything; it is never followed.
    let found = target.symlink_metadata().map_err(|e| NotTaken::Failed(unwritten(&e)))?;
    if !found.is_file() || found.len() != from.length {
        return Err(NotTaken::Failed(damaged()));
    }
    Ok(body)
}

/// Copies the bytes of a file. Blocks.
fn duplicate(bodies: &Bodies, body: NewBody, from: Segment, room: Room<'_>) -> Result<NewBody, NotTaken> {
    room(from.length).map_err(NotTaken::Failed)?;
    let source = read::open_plain(bodies.path(&from.file), from.length);
    let source = source.map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => NotTaken::Gone,
        _ => NotTaken::Failed(read::unread(&e)),
    })?;
    let copied = Writing::of(body)
        .and_then(|writing| writing.fill_from(&source, from.length)?.finish())
        .map_err(|e| NotTaken::Failed(unwritten(&e)))?;
    Ok(copied)
}

fn damaged() -> StoreError {
    StoreError::new(StoreFault::Corrupt, "a body is not what its row says")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_copied_where_they_cannot_be_linked() {
        let directory = tempfile::tempdir().unwrap();
        let bodies = Arc::new(Bodies::open(directory.path().join("bodies")).unwrap());
        let (file, id) = (Id::new().unwrap(), Id::new().unwrap());
        std::fs::write(bodies.path(&file), b"bytes").unwrap();
        let room = |length| {
            assert_eq!(length, 5);
            Ok(())
        };
        let from = Segment { file, length: 5 };
        let mut copied = duplicate(&bodies, NewBody::begin(&bodies, id), from, &room).ok().unwrap();
        copied.in_doubt();
        copied.named();
        std::fs::remove_file(bodies.path(&file)).unwrap();
        assert_eq!(std::fs::read(bodies.path(&id)).unwrap(), b"bytes");

        let full = |_| Err(StoreError::new(StoreFault::Unavailable, "full"));
        let body = || NewBody::begin(&bodies, Id::new().unwrap());
        let from = Segment { file: id, length: 5 };
        assert!(
            matches!(duplicate(&bodies, body(), from, &full), Err(NotTaken::Failed(e)) if e.message == "full")
        );
        let longer = Segment { file: id, length: 6 };
        let damaged = duplicate(&bodies, body(), longer, &|_| Ok(()));
        assert!(matches!(damaged, Err(NotTaken::Failed(e)) if e.fault == StoreFault::Corrupt));
        let gone = Segment { file, length: 5 };
        assert!(matches!(duplicate(&bodies, body(), gone, &|_| Ok(())), Err(NotTaken::Gone)));
    }
}
