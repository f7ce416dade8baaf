use super::*;

#[tokio::test(start_paused = true)]
async fn p7_no_client_can_hold_all_of_the_memory() {
    let budget = Budget::new(400 * UNIT, 9);
    let greedy = budget.reserve("a", 100 * UNIT).await.unwrap();
    assert_eq!(budget.reserve("a", 1).await.unwrap_err(), Exhausted);
    let _other = budget.reserve("b", 100 * UNIT).await.unwrap();
    drop(greedy);
    budget.reserve("a", 100 * UNIT).await.unwrap();
    assert_eq!(budget.reserve("c", 101 * UNIT).await.unwrap_err(), Exhausted);
}

#[tokio::test(start_paused = true)]
async fn p7_a_reservation_grows_and_shrinks_within_the_budget_and_returns_all_of_it() {
    let budget = Budget::new(100 * UNIT, 1);
    let mut held = budget.reserve("a", 10 * UNIT).await.unwrap();
    held.exchange(100 * UNIT).await.unwrap();
    assert_eq!(held.exchange(100 * UNIT + 1).await, Err(Exhausted));
    held.shrink(40 * UNIT);
    let other = budget.reserve("b", 60 * UNIT).await.unwrap();
    held.shrink(50 * UNIT);
    let begun = tokio::time::Instant::now();
    assert_eq!(held.exchange(51 * UNIT).await, Err(Exhausted));
    assert_eq!(begun.elapsed(), PATIENCE);
    drop((held, other));
    budget.reserve("a", 100 * UNIT).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p7_shares_follow_the_number_of_clients_and_the_whole_stays() {
    let budget = Budget::new(120 * UNIT, 1);
    let before = budget.reserve("a", 100 * UNIT).await.unwrap();
    budget.share_among(3);
    assert_eq!(budget.reserve("a", 41 * UNIT).await.unwrap_err(), Exhausted, "more than a share");
    assert_eq!(budget.reserve("a", 40 * UNIT).await.unwrap_err(), Exhausted, "more than there is");
    drop(before);
    let first = budget.reserve("a", 40 * UNIT).await.unwrap();
    budget.share_among(3);
    assert_eq!(budget.reserve("a", 1).await.unwrap_err(), Exhausted, "nothing has changed");
    budget.share_among(2);
    budget.reserve("b", 60 * UNIT).await.unwrap();
    drop(first);
    budget.reserve("a", 60 * UNIT).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p7_what_can_be_done_without_leaves_half_free() {
    let budget = Budget::new(100 * UNIT, 1);
    let held = budget.reserve("a", 10 * UNIT).await.unwrap();
    let spare = held.spare(40 * UNIT).unwrap();
    assert!(held.spare(1).is_none());
    drop(spare);
    assert!(held.spare(41 * UNIT).is_none());
    assert!(held.spare(1).is_some());
}

#[tokio::test(start_paused = true)]
async fn p7_who_needs_more_gives_back_what_it_holds_before_it_waits() {
    let budget = Budget::new(100 * UNIT, 1);
    let (mut one, mut other) =
        (budget.reserve("a", 40 * UNIT).await.unwrap(), budget.reserve("a", 40 * UNIT).await.unwrap());
    // What is free is had at once.
    one.exchange(60 * UNIT).await.unwrap();
    let (one, other) = tokio::join!(
        async {
            let exchanged = one.exchange(80 * UNIT).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(one);
            exchanged
        },
        async {
            let exchanged = other.exchange(80 * UNIT).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(other);
            exchanged
        },
    );
    assert_eq!((one, other), (Ok(()), Ok(())), "each waited for the other to end, and not for ever");
    budget.reserve("a", 100 * UNIT).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p7_few_wait_with_what_they_gave_back() {
    let budget = Budget::new(100 * UNIT, 1);
    let held = budget.reserve("a", 90 * UNIT).await.unwrap();
    let mut few = Vec::new();
    for _ in 0..10 {
        few.push(budget.reserve("a", UNIT).await.unwrap());
    }
    let begun = tokio::time::Instant::now();
    let waiting = few.into_iter().map(|mut one| async move {
        let refused = one.exchange(50 * UNIT).await;
        (refused, begun.elapsed())
    });
    let ended = tokio::spawn(futures_util::future::join_all(waiting));
    tokio::time::sleep(PATIENCE / 2).await;
    assert_eq!(budget.all.available_permits(), EXCHANGES, "the others still hold what they have");
    assert_eq!(budget.waiting.0.load(Ordering::Relaxed), 10);
    assert!(ended.await.unwrap().into_iter().all(|ended| ended == (Err(Exhausted), PATIENCE)));
    drop(held);
    let mut held = budget.reserve("a", UNIT).await.unwrap();
    assert_eq!(held.exchange(101 * UNIT).await, Err(Exhausted), "more than there is");
}

#[tokio::test(start_paused = true)]
async fn p7_who_needs_more_waits_for_those_that_do_the_same() {
    const EACH: u64 = 4 * UNIT;
    let budget = Budget::new(10 * EACH, 1);
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(budget.reserve("a", EACH).await.unwrap());
    }
    // Each needs what others give back, and has it for a while.
    let exchanging = all.into_iter().map(|mut one| async move {
        let exchanged = one.exchange(EACH + UNIT).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        exchanged
    });
    let ended = futures_util::future::join_all(exchanging.map(Box::pin)).await;
    assert_eq!(ended, [Ok(()); 10]);
    budget.reserve("a", 10 * EACH).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn p7_what_is_lent_takes_nothing() {
    let budget = Budget::new(100 * UNIT, 1);
    let mut held = budget.reserve("a", 100 * UNIT).await.unwrap();
    let mut lent = held.lent().unwrap();
    lent.shrink(0);
    assert!(lent.spare(1).is_none());
    drop(held);
    budget.reserve("a", 100 * UNIT).await.unwrap();
}
