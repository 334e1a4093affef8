//! The queue's corners, seen from both sides.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const SECRET: Ask = Ask::Secret {
    name: "clientSecret",
    prompt: String::new(),
};

fn lines(queue: &Queue) -> Vec<String> {
    match queue.next(Duration::ZERO) {
        Next::Batch(batch) => batch.lines().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_is_taken_back() {
    let queue = Queue::new(Cancel::default());
    let short = Duration::from_millis(5);
    assert!(
        tokio::time::timeout(short, queue.ask(SECRET))
            .await
            .is_err()
    );
    assert!(lines(&queue).is_empty(), "it was not delivered yet");
    assert!(queue.state().bytes == 0);
    // Delivered, then taken back: the answer is under way and no mistake.
    let mut asking = queue.ask(SECRET);
    assert!(tokio::time::timeout(short, &mut asking).await.is_err());
    assert_eq!(lines(&queue).len(), 1);
    drop(asking);
    queue.answer(b"{\"ask\":2}\nx").unwrap();
    assert!(queue.answer(b"{\"ask\":3}\nx").is_err());
}

#[tokio::test]
async fn several_questions_at_once() {
    let queue = Queue::new(Cancel::default());
    let approve = Ask::Approve {
        plan_id: "p".to_owned(),
        groups: 0,
    };
    let (secret, approval) = (queue.ask(SECRET), queue.ask(approve));
    let answers = async {
        tokio::task::yield_now().await;
        assert_eq!(lines(&queue).len(), 2);
        queue.answer(b"{\"ask\":2,\"approve\":false}").unwrap();
        queue.answer(b"{\"ask\":1}\nx").unwrap();
    };
    let (secret, approval, ()) = tokio::join!(secret, approval, answers);
    assert!(matches!(secret, Ok(Answer::Bytes(bytes)) if *bytes == b"x"));
    assert!(matches!(approval, Ok(Answer::Refused)));
}

#[tokio::test]
async fn the_end_finds_room_and_stragglers_are_dropped() {
    let cancel = Cancel::default();
    let queue = Queue::new(cancel.clone());
    let fill = async {
        for _ in 0..2 * QUEUE_EVENTS {
            queue
                .emit(Event::Message {
                    level: super::super::Level::Debug,
                    text: String::new(),
                })
                .await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_millis(100), fill)
            .await
            .is_err()
    );
    assert_eq!(queue.state().lines.len(), QUEUE_EVENTS);
    queue.finish(Ok(Outcome::default()));
    queue.finish(Err(cancelled()));
    queue.emit(Event::Warning(cancelled())).await;
    let mut all = Vec::new();
    loop {
        match queue.next(Duration::ZERO) {
            Next::Batch(batch) => {
                assert!(batch.len() <= BATCH_BYTES);
                all.extend(batch.lines().map(str::to_owned).collect::<Vec<_>>());
            }
            Next::End => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(all.len(), QUEUE_EVENTS + 1);
    assert!(all.last().unwrap().contains("\"result\""));
}

#[tokio::test]
async fn nobody_asks_a_caller_that_has_cancelled() {
    let queue = Queue::new(Cancel::default());
    let mut asking = queue.ask(SECRET);
    let short = Duration::from_millis(5);
    assert!(tokio::time::timeout(short, &mut asking).await.is_err());
    queue.abandon();
    assert!(matches!(asking.await, Ok(Answer::Unavailable)));
    assert!(matches!(queue.ask(SECRET).await, Ok(Answer::Unavailable)));
    queue.emit(Event::Warning(cancelled())).await;
    assert_eq!(queue.next(Duration::ZERO), Next::Gone);
    // The same after the end, for what outlives its operation.
    let queue = Queue::new(Cancel::default());
    queue.finish(Ok(Outcome::default()));
    assert!(matches!(queue.ask(SECRET).await, Ok(Answer::Unavailable)));
}
