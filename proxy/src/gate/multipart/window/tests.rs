use hallmark_signer::{Content, LEAF_SIZE};
use proptest::prelude::*;

use super::*;

const UPLOAD: UploadKey = [7; 16];
const ROOM: u64 = 64 << 20;

fn number(number: u64) -> PartNumber {
    PartNumber::new(number).unwrap()
}

/// Bytes that no other part or attempt has.
fn content(part: u64, attempt: u64, length: usize) -> Bytes {
    let seed = (part * 31 + attempt * 7) as u8;
    (0..length).map(|n| (n % 251) as u8 ^ seed).collect()
}

fn hash<'a>(parts: impl IntoIterator<Item = &'a Bytes>) -> Content {
    let mut hasher = ContentHasher::of_unknown_length();
    parts.into_iter().for_each(|part| hasher.update(part));
    hasher.finish().unwrap()
}

fn leaves(bytes: &[u8]) -> LeavesHasher {
    let mut leaves = LeavesHasher::default();
    leaves.update(bytes);
    leaves
}

fn send(feed: &mut Feed, bytes: &Bytes, pieces: usize) {
    let size = bytes.len().div_ceil(pieces).max(1);
    (0..bytes.len()).step_by(size).for_each(|at| feed.data(&bytes.slice(at..bytes.len().min(at + size))));
}

async fn prefix(windows: &Windows, parts: &[(u64, Bytes)]) -> (Content, usize) {
    let list: Vec<_> = parts.iter().map(|(n, bytes)| (number(*n), leaves(bytes).root())).collect();
    let Prefix { hasher, parts } = windows.prefix(&UPLOAD, &list).await;
    (hasher.finish().unwrap(), parts)
}

/// Waits until nothing is being hashed, forgets the upload, and says what there is room for.
async fn room_in_the_end(windows: &Windows) -> u64 {
    let _ = prefix(windows, &[]).await;
    windows.forget(&UPLOAD);
    for _ in 0..1000 {
        if windows.lock().room == ROOM {
            break;
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    windows.lock().room
}

#[tokio::test]
async fn parts_that_come_at_once_and_out_of_order_need_no_reading_back() {
    let windows = Windows::new(ROOM);
    let parts: Vec<_> = (1..=9).map(|n| (n, content(n, 0, 1_500_000 + n as usize))).collect();
    let mut feeds: Vec<_> = parts
        .iter()
        .rev()
        .map(|(n, bytes)| (windows.begin(&UPLOAD, number(*n), bytes.len() as u64), bytes))
        .collect();
    for (feed, bytes) in &mut feeds {
        send(feed, bytes, 7);
    }
    for (feed, bytes) in feeds {
        feed.commit(leaves(bytes));
    }
    let (found, taken) = prefix(&windows, &parts).await;
    assert_eq!(taken, parts.len());
    assert!(found == hash(parts.iter().map(|(_, bytes)| bytes)));
    // Shorter lists, others and gaps are not what was hashed.
    assert_eq!(prefix(&windows, &parts[..8]).await.1, 0);
    assert_eq!(prefix(&windows, &parts[1..]).await.1, 0);
    assert_eq!(room_in_the_end(&windows).await, ROOM);
}

#[tokio::test]
async fn without_room_the_first_parts_are_still_hashed_and_nothing_else_is_claimed() {
    let windows = Windows::new(1 << 20);
    let parts: Vec<_> = (1..=5).map(|n| (n, content(n, 0, 400_000))).collect();
    let mut feeds: Vec<_> = parts.iter().map(|(n, _)| windows.begin(&UPLOAD, number(*n), 400_000)).collect();
    // The last ones fill the pool; the first must find room all the same.
    for (feed, (_, bytes)) in feeds.iter_mut().zip(&parts).rev() {
        send(feed, bytes, 4);
    }
    for (feed, (_, bytes)) in feeds.into_iter().zip(&parts) {
        feed.commit(leaves(bytes));
    }
    let (found, taken) = prefix(&windows, &parts).await;
    assert!((1..5).contains(&taken), "{taken}");
    assert!(found == hash(parts[..taken].iter().map(|(_, bytes)| bytes)));
}

#[tokio::test]
async fn a_sender_that_keeps_pace_loses_nothing_to_slow_hashing() {
    // Far more than there is room for, on a runtime that runs nothing else while the sender does not wait.
    let windows = Windows::new(2 << 20);
    let bytes = content(1, 0, 24 << 20);
    let mut feed = windows.begin(&UPLOAD, number(1), bytes.len() as u64);
    for batch in (0..bytes.len()).step_by(512 << 10) {
        send(&mut feed, &bytes.slice(batch..batch + (512 << 10)), 4);
        feed.keep_pace().await;
    }
    feed.commit(leaves(&bytes));
    let (found, taken) = prefix(&windows, &[(1, bytes.clone())]).await;
    assert_eq!(taken, 1);
    assert!(found == hash([&bytes]));
}

#[tokio::test(start_paused = true)]
async fn no_part_waits_for_one_that_is_still_to_arrive() {
    let windows = Windows::new(1 << 20);
    let mut feed = windows.begin(&UPLOAD, number(2), 900_000);
    send(&mut feed, &content(2, 0, 900_000), 3);
    assert!(windows.lock().room < windows.scarce());
    // Time stands still unless there is something to wait for.
    let began = Instant::now();
    feed.keep_pace().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn windows_end_when_nothing_comes_and_are_not_without_number() {
    let windows = Windows::new(ROOM);
    let upload = |n: usize| std::array::from_fn(|i| n.to_be_bytes().get(i).copied().unwrap_or(0));
    for n in 0..MAX_UPLOADS + 5 {
        let mut feed = windows.begin(&upload(n), number(2), 1000);
        feed.data(&content(2, 0, 1000));
        feed.commit(leaves(b""));
    }
    assert_eq!(windows.lock().uploads.len(), MAX_UPLOADS);
    assert!(windows.lock().room < ROOM);
    tokio::time::advance(IDLE).await;
    drop(windows.begin(&UPLOAD, number(1), 0));
    assert_eq!(windows.lock().uploads.len(), 1);
    assert_eq!(windows.lock().room, ROOM);
}

#[derive(Debug, Clone)]
enum Step {
    Begin { part: u64, length: usize },
    Send { feed: usize, pieces: usize },
    Commit { feed: usize },
    Drop { feed: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..6u64, prop_oneof![
            0..100usize, 500_000..1_200_000usize, Just(LEAF_SIZE as usize)
        ])
            .prop_map(|(part, length)| Step::Begin { part, length }),
        3 => (any::<usize>(), 1..4usize).prop_map(|(feed, pieces)| Step::Send { feed, pieces }),
        3 => any::<usize>().prop_map(|feed| Step::Commit { feed }),
        1 => any::<usize>().prop_map(|feed| Step::Drop { feed }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_to_parts_a_prefix_is_the_hash_of_those_parts(
        steps in prop::collection::vec(step(), 1..60),
        room in prop_oneof![Just(ROOM), 0..4_000_000u64],
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        runtime.block_on(async {
            let windows = Windows::new(room);
            let mut feeds: Vec<(Feed, u64, Bytes, bool)> = Vec::new();
            let mut committed = std::collections::BTreeMap::new();
            for (attempt, step) in steps.into_iter().enumerate() {
                let count = feeds.len().max(1);
                match step {
                    Step::Begin { part, length } => {
                        let bytes = content(part, attempt as u64, length);
                        let feed = windows.begin(&UPLOAD, number(part), bytes.len() as u64);
                        feeds.push((feed, part, bytes, false));
                    }
                    Step::Send { feed, pieces } => {
                        if let Some((feed, _, bytes, sent)) = feeds.get_mut(feed % count).filter(|feed| !feed.3) {
                            send(feed, bytes, pieces);
                            *sent = true;
                        }
                    }
                    Step::Commit { feed } => {
                        if feeds.get(feed % count).is_some_and(|feed| feed.3) {
                            let (feed, part, bytes, _) = feeds.swap_remove(feed % count);
                            feed.commit(leaves(&bytes));
                            committed.insert(part, bytes);
                        }
                    }
                    Step::Drop { feed } => {
                        if feed % count < feeds.len() {
                            drop(feeds.swap_remove(feed % count));
                        }
                    }
                }
            }
            let parts: Vec<_> = committed.into_iter().collect();
            let (found, taken) = prefix(&windows, &parts).await;
            assert!(found == hash(parts[..taken].iter().map(|(_, bytes)| bytes)), "{taken} parts");
            drop(feeds);
            windows.forget(&UPLOAD);
            while windows.hashers.available_permits() < HASHERS {
                tokio::task::yield_now().await;
            }
        });
    }
}
