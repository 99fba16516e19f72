//! Tests of the batcher: who comes into which batch, when it begins, and what each caller is told.

use proptest::prelude::*;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::*;

/// Items that make [`Echo`] take a minute, give no answer, or panic.
const SLOW: u32 = 9001;
const SILENT: u32 = 9002;
const PANICS: u32 = 9003;

/// Takes a second for a batch and answers each item with itself.
#[derive(Clone, Default)]
struct Echo(Arc<Mutex<Batches>>);

type Batches = Vec<(u8, Vec<u32>)>;

impl Echo {
    fn batches(&self) -> Batches {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl BatchExecutor for Echo {
    type Key = u8;
    type Item = u32;
    type Output = u32;

    async fn execute(&self, key: &u8, items: Vec<u32>) -> Vec<u32> {
        self.0.lock().unwrap().push((*key, items.clone()));
        assert!(!items.contains(&PANICS), "the executor panics");
        sleep(if items.contains(&SLOW) { Duration::from_secs(60) } else { Duration::from_secs(1) }).await;
        if items.contains(&SILENT) { Vec::new() } else { items }
    }
}

fn echo(max_items: usize) -> (Echo, Batcher<Echo>) {
    let echo = Echo::default();
    (echo.clone(), Batcher::new(echo, BatcherConfig { max_items, ..BatcherConfig::default() }))
}

fn budget(timeout: Duration) -> Budget {
    Budget::new(timeout, CancellationToken::new())
}

const MILLI: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn a_single_item_is_done_after_the_linger() {
    let (echo, batcher) = echo(10);
    let budget = budget(LONG);
    assert_eq!(batcher.submit(1, 7, &budget).await, Ok(7));
    assert_eq!((echo.batches(), budget.elapsed()), (vec![(1, vec![7])], Duration::from_millis(1050)));
}

#[tokio::test(start_paused = true)]
async fn items_of_a_key_that_come_together_are_one_batch_and_keys_never_mix() {
    let (echo, batcher) = echo(10);
    let budget = budget(LONG);
    let (a, b, c) = tokio::join!(
        batcher.submit(1, 10, &budget),
        async {
            sleep(40 * MILLI).await;
            batcher.submit(1, 11, &budget).await
        },
        batcher.submit(2, 20, &budget),
    );
    assert_eq!((a, b, c), (Ok(10), Ok(11), Ok(20)));
    let mut batches = echo.batches();
    batches.sort_unstable();
    assert_eq!(batches, [(1, vec![10, 11]), (2, vec![20])]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_items_is_not_gathered_for_longer_than_the_most() {
    let (echo, batcher) = echo(100);
    let budget = budget(LONG);
    let calls = (0..30).map(|n| {
        let (batcher, budget) = (&batcher, &budget);
        async move {
            sleep(n * 30 * MILLI).await;
            batcher.submit(1, n, budget).await
        }
    });
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    let sizes: Vec<_> = echo.batches().iter().map(|(_, items)| items.len()).collect();
    assert_eq!(sizes, [17, 13]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_a_caller_that_is_expected_but_no_longer_than_the_most() {
    let (echo, batcher) = echo(10);
    let budget = budget(LONG);
    let late = async {
        let expected = batcher.expect(1);
        sleep(300 * MILLI).await;
        drop(expected);
        batcher.submit(1, 11, &budget).await
    };
    assert_eq!(tokio::join!(late, batcher.submit(1, 10, &budget)), (Ok(11), Ok(10)));
    let _never_comes = batcher.expect(1);
    let again = Instant::now();
    assert_eq!(batcher.submit(1, 12, &budget).await, Ok(12));
    assert_eq!(again.elapsed(), 1500 * MILLI);
    assert_eq!(echo.batches(), [(1, vec![10, 11]), (1, vec![12])]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_was_expected_and_does_not_come_holds_up_nobody_further() {
    let (_, batcher) = echo(10);
    let budget = budget(LONG);
    let changes_its_mind = async {
        let expected = batcher.expect(1);
        sleep(100 * MILLI).await;
        drop(expected);
    };
    let ((), answer) = tokio::join!(changes_its_mind, batcher.submit(1, 10, &budget));
    assert_eq!((answer, budget.elapsed()), (Ok(10), 1150 * MILLI));
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_begins_at_once_and_the_next_item_opens_another() {
    let (echo, batcher) = echo(2);
    let budget = budget(LONG);
    let answers = futures::future::join_all((0..5).map(|n| batcher.submit(1, n, &budget))).await;
    assert_eq!(answers, (0..5).map(Ok).collect::<Vec<_>>());
    let sizes: Vec<_> = echo.batches().iter().map(|(_, items)| items.len()).collect();
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_in_time_leaves_nothing_behind() {
    let (echo, batcher) = echo(10);
    let enough = budget(LONG);
    let (short, stayed) = (budget(20 * MILLI), batcher.submit(1, 1, &enough));
    let gone = tokio::time::timeout(20 * MILLI, batcher.submit(1, 2, &enough));
    let (stayed, gone, ended) = tokio::join!(stayed, gone, batcher.submit(1, 3, &short));
    assert_eq!((stayed, gone.is_err()), (Ok(1), true));
    assert_eq!(ended, Err(BatchError::NotStarted(Ended::DeadlineExceeded)));
    assert_eq!(echo.batches(), [(1, vec![1])]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_nobody_waits_for_is_never_begun() {
    let (echo, batcher) = echo(10);
    assert!(tokio::time::timeout(MILLI, batcher.submit(1, 1, &budget(LONG))).await.is_err());
    sleep(LONG).await;
    assert_eq!(echo.batches(), []);
    assert_eq!(batcher.0.open.lock().unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_under_way_goes_on_without_the_caller_that_opened_it() {
    let (echo, batcher) = echo(10);
    let enough = budget(LONG);
    let gone = tokio::time::timeout(500 * MILLI, batcher.submit(1, 1, &enough));
    let (gone, stayed) = tokio::join!(gone, batcher.submit(1, 2, &enough));
    assert_eq!((gone.is_err(), stayed), (true, Ok(2)));
    assert_eq!(echo.batches(), [(1, vec![1, 2])]);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_ends_under_way_still_gets_the_answer_within_its_grace() {
    let (_echo, batcher) = echo(10);
    assert_eq!(batcher.submit(1, 1, &budget(500 * MILLI)).await, Ok(1));
    let late = batcher.submit(1, SLOW, &budget(500 * MILLI)).await;
    assert_eq!(late, Err(BatchError::Unanswered(Ended::DeadlineExceeded)));
}

#[tokio::test(start_paused = true)]
async fn every_caller_hears_of_an_executor_that_panics_or_gives_too_few_answers() {
    let (_echo, batcher) = echo(10);
    for bad in [PANICS, SILENT] {
        let budget = budget(LONG);
        let answers = tokio::join!(batcher.submit(1, bad, &budget), batcher.submit(1, 1, &budget));
        assert_eq!(answers, (Err(BatchError::Lost), Err(BatchError::Lost)));
    }
    assert_eq!(batcher.submit(1, 1, &budget(LONG)).await, Ok(1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    /// Callers come and go at random times.
    #[test]
    fn every_caller_gets_its_own_answer_and_every_item_is_done_at_most_once(
        calls in proptest::collection::vec((0u64..900, 0u8..3, proptest::option::of(0u64..1500)), 1..40),
        max_items in 1usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (echo, batcher) = echo(max_items);
            let tasks: Vec<_> = calls.iter().zip(1000u32..).map(|(&(at, key, patience), item)| {
                let batcher = batcher.clone();
                tokio::spawn(async move {
                    sleep(Duration::from_millis(at)).await;
                    let patience = patience.map_or(LONG, Duration::from_millis);
                    let budget = budget(LONG);
                    let answer = tokio::time::timeout(patience, batcher.submit(key, item, &budget)).await;
                    (key, item, answer.ok())
                })
            }).collect();
            let mut answers = Vec::new();
            for task in tasks {
                answers.push(task.await.unwrap());
            }
            sleep(LONG).await;
            let batches = echo.batches();
            for (key, item, answer) in answers {
                let done = batches.iter().filter(|(k, items)| *k == key && items.contains(&item)).count();
                assert!(done <= 1);
                if let Some(answer) = answer {
                    assert_eq!((answer, done), (Ok(item), 1));
                }
            }
            assert!(batches.iter().all(|(_, items)| (1..=max_items).contains(&items.len())));
            assert!(batcher.0.open.lock().unwrap().is_empty());
        });
    }
}
