//! What clients and fate do, drawn at random.

use bytes::Bytes;
use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::{Call, Which};
use proptest::prelude::*;

/// So many keys there are.
pub(super) const KEYS: usize = 3;

/// So many instances.
pub(super) const INSTANCES: usize = 2;

/// Any part but the last must have so many bytes.
pub(super) const MIN_PART: u64 = 5 * MIB;

/// An object that can be copied in two parts.
const WHOLE: u64 = 2 * MIN_PART + 12_345;

/// A command, and the instance that it goes through.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) through: usize,
    pub(super) command: Command,
}

#[derive(Debug, Clone)]
pub(super) enum Command {
    Create {
        key: usize,
    },
    Part {
        upload: Pick,
        number: u64,
        filling: Filling,
    },
    /// At the same moment, each through another instance.
    PartsAtOnce {
        upload: Pick,
        parts: [(u64, Filling); INSTANCES],
    },
    CopyPart {
        upload: Pick,
        number: u64,
        source: usize,
        share: Share,
    },
    /// All bytes of an object in order, as parts 1 to so many.
    CopyWhole {
        upload: Pick,
        source: usize,
        parts: u64,
    },
    Complete {
        upload: Pick,
        list: List,
        condition: Condition,
    },
    /// The same at the same moment through each instance.
    CompleteAtOnce {
        upload: Pick,
        list: List,
    },
    /// Completes, and kills the instance at this moment.
    Interrupt {
        upload: Pick,
        list: List,
        moment: Moment,
    },
    Abort {
        upload: Pick,
    },
    Put {
        key: usize,
        filling: Filling,
    },
    Delete {
        key: usize,
    },
    /// Kills the instance and starts it again.
    Restart,
    /// Kills all of them, closes the store and opens it again.
    RestartAll,
}

/// An upload: so many before the latest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pick(pub(super) usize);

/// Bytes: cheap to make, and told apart by their seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling {
    seed: u8,
    length: u64,
}

/// A range of an object, by thousandths of its length; `None`: all of it, without saying so.
pub(super) type Share = Option<(u64, u64)>;

/// What a client says that an upload's parts are.
#[derive(Debug, Clone, Copy)]
pub(super) enum List {
    /// What can be completed: those that are large enough, and the last. Of a completed upload: the same again.
    Sound,
    All,
    AllButFirst,
    Reversed,
    Twice,
    WrongEtag,
    Missing,
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    None,
    /// Only if nothing stands there.
    Absent,
}

/// Before or after a call of a Complete has done its work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) place: Place,
    pub(super) side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

/// Calls of a Complete that change something, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Close,
    Plan,
    /// The promotion, or the copy.
    Make,
    Done,
    Drop,
    Marker,
}

impl Filling {
    /// What stands there at the beginning.
    pub(super) fn first() -> [Option<Self>; KEYS] {
        [None, Some(Self { seed: 1, length: 70_000 }), Some(Self { seed: 2, length: WHOLE })]
    }

    pub(super) fn bytes(self) -> Bytes {
        // No whole number of blocks makes up a leaf or a part, so no two leaves are the same.
        let block = content(u64::from(self.seed), 65_521);
        let length = usize::try_from(self.length).unwrap();
        let mut bytes = block.repeat(length.div_ceil(block.len()));
        bytes.truncate(length);
        bytes.into()
    }
}

impl Moment {
    pub(super) fn calls(self) -> Vec<Which> {
        match self.place {
            Place::Close => vec![Call::StageClose.into()],
            Place::Plan => vec![Call::StatePut.naming("plan/")],
            Place::Make => vec![Call::Promote.into(), Call::Copy.into()],
            Place::Done => vec![Call::StatePut.naming("done/")],
            Place::Drop => vec![Call::StageDrop.into()],
            Place::Marker => vec![Call::StateDelete.naming("uploads/")],
        }
    }

    /// Whether this has been done by then.
    pub(super) fn has_done(self, place: Place) -> bool {
        self.place > place || (self.place == place && self.side == Side::After)
    }
}

fn filling(length: impl Strategy<Value = u64>) -> impl Strategy<Value = Filling> {
    (any::<u8>(), length).prop_map(|(seed, length)| Filling { seed, length })
}

fn small() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1u64..200, 60_000u64..300_000]
}

/// Numbers of parts; the higher, the more likely it is the last, which may be small.
fn part() -> impl Strategy<Value = (u64, Filling)> {
    let full = || prop_oneof![Just(MIN_PART), (1u64..90_000).prop_map(|more| MIN_PART + more)];
    let short = Just(MIN_PART - 1);
    prop_oneof![
        6 => (1u64..=2, filling(prop_oneof![6 => full(), 2 => small(), 1 => short])),
        3 => (3u64..=4, filling(prop_oneof![1 => full(), 4 => small()])),
        1 => (prop_oneof![Just(9_999u64), Just(10_000)], filling(small())),
    ]
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![6 => Just(0), 2 => Just(1usize), 1 => 2usize..5].prop_map(Pick)
}

fn list() -> impl Strategy<Value = List> {
    prop_oneof![
        12 => Just(List::Sound),
        2 => Just(List::All),
        1 => Just(List::AllButFirst),
        1 => Just(List::Reversed),
        1 => Just(List::Twice),
        1 => Just(List::WrongEtag),
        1 => Just(List::Missing),
        1 => Just(List::Empty),
    ]
}

fn share() -> impl Strategy<Value = Share> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some((0, 1000))),
        2 => (0u64..=1000, 0u64..=1000).prop_map(|(a, b)| Some((a.min(b), a.max(b)))),
    ]
}

fn moment() -> impl Strategy<Value = Moment> {
    use Place::{Close, Done, Drop, Make, Marker, Plan};
    let place = prop::sample::select(vec![Close, Plan, Make, Done, Drop, Marker]);
    let side = prop::sample::select(vec![Side::Before, Side::After]);
    (place, side).prop_map(|(place, side)| Moment { place, side })
}

fn command() -> impl Strategy<Value = Command> {
    let key = || 0..KEYS;
    let condition = prop_oneof![4 => Just(Condition::None), 1 => Just(Condition::Absent)];
    let whole = prop_oneof![4 => small(), 1 => Just(MIN_PART), 1 => Just(WHOLE)];
    prop_oneof![
        3 => key().prop_map(|key| Command::Create { key }),
        14 => (pick(), part()).prop_map(|(upload, (number, filling))| Command::Part { upload, number, filling }),
        2 => (pick(), [part(), part()]).prop_map(|(upload, parts)| Command::PartsAtOnce { upload, parts }),
        2 => (pick(), part()).prop_map(|(upload, part)| Command::PartsAtOnce { upload, parts: [part, part] }),
        2 => (pick(), 1u64..=3, key(), share())
            .prop_map(|(upload, number, source, share)| Command::CopyPart { upload, number, source, share }),
        5 => (pick(), key(), 1u64..=2)
            .prop_map(|(upload, source, parts)| Command::CopyWhole { upload, source, parts }),
        7 => (pick(), list(), condition)
            .prop_map(|(upload, list, condition)| Command::Complete { upload, list, condition }),
        2 => (pick(), list()).prop_map(|(upload, list)| Command::CompleteAtOnce { upload, list }),
        4 => (pick(), list(), moment())
            .prop_map(|(upload, list, moment)| Command::Interrupt { upload, list, moment }),
        1 => pick().prop_map(|upload| Command::Abort { upload }),
        3 => (key(), filling(whole)).prop_map(|(key, filling)| Command::Put { key, filling }),
        1 => key().prop_map(|key| Command::Delete { key }),
        1 => Just(Command::Restart),
        1 => Just(Command::RestartAll),
    ]
}

/// At most so many steps.
pub(super) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (0..INSTANCES, command()).prop_map(|(through, command)| Step { through, command });
    prop::collection::vec(step, 1..=most)
}
