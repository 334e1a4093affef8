//! Member changes in batches: halved when too large, bisected to find the value at fault. Knows nothing of LDAP.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::result::MemberFault;
use crate::error::{Error, ErrorId, Result};
use crate::model::{MemberKey, SkipReason};

/// Modifies of one group under way at once. Each locks the group on the controller, so more gains nothing.
const AT_ONCE: usize = 3;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Remove,
}

/// How much may be read to tell who is a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// The values in question.
    Quick,
    /// All members.
    Whole,
}

/// Values refused one by one, without a known reason and without any that was taken, after which it is no fault of values.
const REFUSED: usize = 16;

/// A batch that was refused; nothing of it was done (one modify is one transaction).
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub fault: MemberFault,
    pub error: Error,
}

/// The group that is changed.
pub(super) trait Port: Send + Sync + 'static {
    /// Changes these members in one request. The outer error ends everything.
    fn apply(
        &self,
        change: Change,
        keys: &[MemberKey],
    ) -> impl Future<Output = Result<std::result::Result<(), Refusal>>> + Send;

    /// Which of these are members now. `Look::Quick` asks for these alone and may miss members of other domains;
    /// `Look::Whole` may read the whole group, and is the last word.
    fn present(
        &self,
        keys: &[MemberKey],
        look: Look,
    ) -> impl Future<Output = Result<HashSet<MemberKey>>> + Send;

    /// Which of these can't be members, as far as a look tells.
    fn unfit(
        &self,
        keys: &[MemberKey],
    ) -> impl Future<Output = Result<HashMap<MemberKey, SkipReason>>> + Send;
}

/// What became of the values.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub done: Vec<MemberKey>,
    pub failed: Vec<(MemberKey, SkipReason, Error)>,
}

struct Batch {
    keys: Vec<MemberKey>,
    /// What a look can tell is out already.
    looked: bool,
    /// What was so before is out already, as far as this look tells.
    compared: Option<Look>,
}

impl Batch {
    fn new(keys: Vec<MemberKey>) -> Batch {
        Batch {
            keys,
            looked: false,
            compared: None,
        }
    }
}

/// Changes all these members. `limit` is the size of batches, shared by all groups of a writer: what the controller
/// has refused as too large once isn't tried again.
pub(super) async fn run<P: Port>(
    port: &Arc<P>,
    change: Change,
    keys: &[MemberKey],
    limit: &AtomicUsize,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut waiting = Vec::new();
    let size = limit.load(Ordering::Relaxed).max(1);
    let unique: HashSet<&MemberKey> = keys.iter().collect();
    let keys: Vec<MemberKey> = if unique.len() == keys.len() {
        keys.to_vec()
    } else {
        unique.into_iter().cloned().collect()
    };
    for keys in keys.chunks(size).rev() {
        waiting.push(Batch::new(keys.to_vec()));
    }
    let mut running: JoinSet<(Batch, Result<std::result::Result<(), Refusal>>)> = JoinSet::new();
    // The first refusal without a known reason, and how many there were.
    let (mut unknown, mut unknowns) = (None, 0);
    loop {
        while running.len() < AT_ONCE {
            let Some(batch) = waiting.pop() else {
                break;
            };
            if batch.keys.len() > limit.load(Ordering::Relaxed).max(1) {
                split(batch, &mut waiting);
                continue;
            }
            let port = port.clone();
            running.spawn(async move {
                let result = port.apply(change, &batch.keys).await;
                (batch, result)
            });
        }
        let (batch, result) = match running.join_next().await {
            // When all were refused and nobody knows why, it is the change that was refused. (Who could not be removed
            // is told one by one.)
            None => {
                let all = outcome.failed.len() == unknowns && outcome.done.is_empty();
                return match unknown {
                    Some(error) if all && change == Change::Add => Err(error),
                    _ => Ok(outcome),
                };
            }
            Some(Ok(pair)) => pair,
            Some(Err(error)) => {
                return Err(Error::new(
                    ErrorId::DirectoryOperationFailed,
                    "A change of members ended without an answer.",
                )
                .caused_by(&error));
            }
        };
        let Err(refusal) = result? else {
            outcome.done.extend(batch.keys);
            continue;
        };
        match refusal.fault {
            MemberFault::Fatal => return Err(refusal.error),
            MemberFault::TooLarge if batch.keys.len() == 1 => return Err(refusal.error),
            MemberFault::TooLarge => {
                limit.fetch_min(batch.keys.len() / 2, Ordering::Relaxed);
                split(batch, &mut waiting);
            }
            // A controller that ignores permissive modify for members: what is so already is looked for and left out.
            MemberFault::AlreadySo => {
                let look = match batch.compared {
                    None => Look::Quick,
                    Some(Look::Quick) => Look::Whole,
                    // It says so of values that are not so: that is no success.
                    Some(Look::Whole) => return Err(refusal.error),
                };
                waiting.push(batch);
                leave_out(port, change, look, &mut waiting, &mut outcome).await?;
            }
            MemberFault::Value(_) if !batch.looked => {
                let unfit = port.unfit(&batch.keys).await?;
                let compared = batch.compared;
                // What may not be added may well be removed; only what doesn't exist at all can't.
                let is_bad = |key: &MemberKey| match unfit.get(key) {
                    Some(SkipReason::NotFoundInDirectory) => true,
                    Some(_) => change == Change::Add,
                    None => false,
                };
                let (bad, good): (Vec<_>, Vec<_>) = batch.keys.into_iter().partition(is_bad);
                for key in bad {
                    let reason = unfit
                        .get(&key)
                        .copied()
                        .unwrap_or(SkipReason::NotFoundInDirectory);
                    settle(change, key, reason, &refusal.error, &mut outcome);
                }
                if !good.is_empty() {
                    waiting.push(Batch {
                        keys: good,
                        looked: true,
                        compared,
                    });
                }
            }
            MemberFault::Value(reason) => {
                if batch.keys.len() > 1 {
                    split(batch, &mut waiting);
                } else {
                    if reason == SkipReason::RefusedByDirectory {
                        unknowns += 1;
                        if unknowns >= REFUSED && outcome.done.is_empty() {
                            return Err(refusal.error);
                        }
                        if unknowns == REFUSED / 2 {
                            // The bad ones may all come first: the others have a word, too.
                            waiting.reverse();
                        }
                        unknown.get_or_insert_with(|| refusal.error.clone());
                    }
                    for key in batch.keys {
                        settle(change, key, reason, &refusal.error, &mut outcome);
                    }
                }
            }
        }
    }
}

/// Takes out of the batches what is so already: of all that wait, for what refused one (a repeat) will refuse the others.
async fn leave_out<P: Port>(
    port: &Arc<P>,
    change: Change,
    look: Look,
    waiting: &mut Vec<Batch>,
    outcome: &mut Outcome,
) -> Result<()> {
    let keys: Vec<MemberKey> = waiting
        .iter()
        .filter(|batch| batch.compared < Some(look))
        .flat_map(|batch| batch.keys.iter().cloned())
        .collect();
    let now = port.present(&keys, look).await?;
    for batch in waiting.iter_mut() {
        batch.compared = batch.compared.max(Some(look));
        let so = |key: &MemberKey| now.contains(key) == (change == Change::Add);
        outcome
            .done
            .extend(batch.keys.extract_if(.., |key| so(key)));
    }
    waiting.retain(|batch| !batch.keys.is_empty());
    Ok(())
}

/// Two halves, to be done next.
fn split(batch: Batch, waiting: &mut Vec<Batch>) {
    let mut first = batch.keys;
    let second = first.split_off(first.len() / 2);
    for keys in [second, first] {
        waiting.push(Batch { keys, ..batch });
    }
}

/// A value that AD won't take. One that no longer exists can't be a member any more either, so its removal is done.
fn settle(
    change: Change,
    key: MemberKey,
    reason: SkipReason,
    error: &Error,
    outcome: &mut Outcome,
) {
    let gone = reason == SkipReason::NotFoundInDirectory;
    if change == Change::Remove && gone {
        outcome.done.push(key);
        return;
    }
    let mut refused = left_out(&key, reason);
    refused.causes.push(error.message.clone());
    outcome.failed.push((key, reason, refused));
}

/// The error that says why a member isn't written.
pub(super) fn left_out(key: &MemberKey, reason: SkipReason) -> Error {
    let what = match reason {
        SkipReason::NotFoundInDirectory => "it doesn't exist in this forest",
        SkipReason::OtherForest => "its SID belongs to no domain of this forest",
        SkipReason::ScopeForbidden => "the scopes of both groups forbid it",
        _ => "the controller refused it",
    };
    let id = match reason {
        SkipReason::ScopeForbidden => ErrorId::MemberScopeInvalid,
        SkipReason::RefusedByDirectory => ErrorId::DirectoryOperationFailed,
        _ => ErrorId::MemberNotOnPremises,
    };
    let name = match key {
        MemberKey::Sid(sid) => sid.to_string(),
        MemberKey::Guid(guid) => guid.to_string(),
    };
    Error::new(id, format!("{name} was left out as a member: {what}.")).target(&name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Guid;

    fn key(i: usize) -> MemberKey {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(i as u64).to_be_bytes());
        MemberKey::Guid(Guid(bytes))
    }

    /// A group on a controller with a limit, some missing objects and some that a look can't tell.
    #[derive(Default)]
    struct Fake {
        cap: usize,
        missing: HashSet<MemberKey>,
        forbidden: HashSet<MemberKey>,
        /// Refused without a reason.
        refused: HashSet<MemberKey>,
        deny: bool,
        /// Refuses what is so already.
        strict: bool,
        /// Says of everything that it is so already.
        lying: bool,
        /// Members that a quick look doesn't see.
        elsewhere: HashSet<MemberKey>,
        looks: Mutex<Vec<Look>>,
        members: Mutex<HashSet<MemberKey>>,
        requests: AtomicUsize,
    }

    impl Port for Fake {
        async fn apply(
            &self,
            change: Change,
            keys: &[MemberKey],
        ) -> Result<std::result::Result<(), Refusal>> {
            self.requests.fetch_add(1, Ordering::Relaxed);
            let refuse = |fault| {
                let error = Error::new(ErrorId::DirectoryLimitExceeded, "no");
                Ok(Err(Refusal { fault, error }))
            };
            if self.deny {
                return refuse(MemberFault::Fatal);
            }
            if keys.len() > self.cap {
                return refuse(MemberFault::TooLarge);
            }
            if keys.iter().any(|k| self.missing.contains(k)) {
                return refuse(MemberFault::Value(SkipReason::NotFoundInDirectory));
            }
            if keys.iter().any(|k| self.forbidden.contains(k)) {
                return refuse(MemberFault::Value(SkipReason::ScopeForbidden));
            }
            if keys.iter().any(|k| self.refused.contains(k)) {
                return refuse(MemberFault::Value(SkipReason::RefusedByDirectory));
            }
            let mut members = self.members.lock().unwrap();
            let adding = change == Change::Add;
            if self.lying || self.strict && keys.iter().any(|k| members.contains(k) == adding) {
                return refuse(MemberFault::AlreadySo);
            }
            for key in keys {
                match change {
                    Change::Add => members.insert(key.clone()),
                    Change::Remove => members.remove(key),
                };
            }
            Ok(Ok(()))
        }

        async fn present(&self, keys: &[MemberKey], look: Look) -> Result<HashSet<MemberKey>> {
            self.looks.lock().unwrap().push(look);
            let members = self.members.lock().unwrap();
            let seen = |k: &&MemberKey| members.contains(*k);
            let hidden = |k: &&MemberKey| look == Look::Quick && self.elsewhere.contains(*k);
            let found = keys.iter().filter(seen).filter(|k| !hidden(k));
            Ok(found.cloned().collect())
        }

        async fn unfit(&self, keys: &[MemberKey]) -> Result<HashMap<MemberKey, SkipReason>> {
            let missing = keys.iter().filter(|k| self.missing.contains(k));
            Ok(missing
                .map(|k| (k.clone(), SkipReason::NotFoundInDirectory))
                .collect())
        }
    }

    fn block<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(work)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn exactly_the_bad_values_are_left_out(
            count in 0usize..300,
            batch in 1usize..120,
            cap in 1usize..120,
            missing in proptest::collection::hash_set(0usize..300, 0..6),
            forbidden in proptest::collection::hash_set(0usize..300, 0..6),
            present in proptest::collection::hash_set(0usize..300, 0..100),
            elsewhere in proptest::collection::hash_set(0usize..300, 0..20),
            strict: bool,
        ) {
            let present = present.iter().filter(|i| !missing.contains(i) && !forbidden.contains(i));
            let members: HashSet<MemberKey> = present.map(|i| key(*i)).collect();
            let fake = Arc::new(Fake {
                cap,
                strict,
                members: Mutex::new(members.clone()),
                missing: missing.iter().map(|i| key(*i)).collect(),
                forbidden: forbidden.iter().map(|i| key(*i)).collect(),
                elsewhere: elsewhere.iter().map(|i| key(*i)).collect(),
                ..Fake::default()
            });
            let keys: Vec<MemberKey> = (0..count).map(key).collect();
            let limit = AtomicUsize::new(batch);
            let outcome = block(run(&fake, Change::Add, &keys, &limit)).unwrap();
            let bad = |k: &MemberKey| fake.missing.contains(k) || fake.forbidden.contains(k);
            let good: HashSet<MemberKey> = keys.iter().filter(|k| !bad(k)).cloned().collect();
            prop_assert_eq!(&*fake.members.lock().unwrap(), &(&good | &members));
            prop_assert_eq!(outcome.done.iter().cloned().collect::<HashSet<_>>(), good.clone());
            prop_assert_eq!(outcome.done.len(), good.len());
            prop_assert_eq!(outcome.failed.len(), keys.len() - good.len());
            prop_assert!(limit.load(Ordering::Relaxed) >= 1);
        }
    }

    #[test]
    fn one_bad_value_in_a_thousand_costs_a_look_or_a_search() {
        let keys: Vec<MemberKey> = (0..1000).map(key).collect();
        let fake = Arc::new(Fake {
            cap: 5000,
            missing: [key(7)].into(),
            ..Fake::default()
        });
        block(run(&fake, Change::Add, &keys, &AtomicUsize::new(1000))).unwrap();
        assert_eq!(fake.requests.load(Ordering::Relaxed), 2);
        let fake = Arc::new(Fake {
            cap: 5000,
            forbidden: [key(7)].into(),
            ..Fake::default()
        });
        let outcome = block(run(&fake, Change::Add, &keys, &AtomicUsize::new(1000))).unwrap();
        assert_eq!(outcome.failed[0].1, SkipReason::ScopeForbidden);
        assert!(fake.requests.load(Ordering::Relaxed) < 25);
    }

    #[test]
    fn without_permissive_modify_a_change_costs_one_request_and_a_repeat_a_look_besides() {
        for change in [Change::Add, Change::Remove] {
            let there: HashSet<MemberKey> = (100..5100).map(key).collect();
            let (so, other) = match change {
                Change::Add => (key(100), key(1)),
                Change::Remove => (key(1), key(100)),
            };
            let fake = |elsewhere: &[MemberKey]| {
                Arc::new(Fake {
                    cap: 500,
                    strict: true,
                    members: Mutex::new(there.clone()),
                    elsewhere: elsewhere.iter().cloned().collect(),
                    ..Fake::default()
                })
            };
            let done = |fake: &Arc<Fake>, keys: &[MemberKey]| {
                let outcome = block(run(fake, change, keys, &AtomicUsize::new(500))).unwrap();
                assert_eq!((outcome.done.len(), outcome.failed.len()), (keys.len(), 0));
                let looks = fake.looks.lock().unwrap().clone();
                (fake.requests.load(Ordering::Relaxed), looks)
            };
            assert_eq!(done(&fake(&[]), std::slice::from_ref(&other)), (1, vec![]));
            assert_eq!(
                done(&fake(&[]), std::slice::from_ref(&so)),
                (1, vec![Look::Quick])
            );
            let both = [so.clone(), other.clone()];
            assert_eq!(done(&fake(&[]), &both), (2, vec![Look::Quick]));
            if change == Change::Add {
                // A member of another domain, which the quick look can't see.
                let expected = (2, vec![Look::Quick, Look::Whole]);
                assert_eq!(done(&fake(std::slice::from_ref(&so)), &[so]), expected);
            }
        }
    }

    #[test]
    fn refused_without_a_reason_some_are_left_out_and_all_are_an_error() {
        let keys: Vec<MemberKey> = (0..1000).map(key).collect();
        let fake = |refused: std::ops::Range<usize>| {
            Arc::new(Fake {
                cap: 5000,
                refused: refused.map(key).collect(),
                ..Fake::default()
            })
        };
        let some = fake(3..5);
        let outcome = block(run(&some, Change::Add, &keys, &AtomicUsize::new(500))).unwrap();
        assert_eq!((outcome.done.len(), outcome.failed.len()), (998, 2));
        for (_, reason, error) in &outcome.failed {
            assert_eq!(*reason, SkipReason::RefusedByDirectory);
            assert_eq!(error.id, ErrorId::DirectoryOperationFailed);
            assert_eq!(error.causes, ["no"]);
        }
        for count in [1, 5, 1000] {
            let limit = || AtomicUsize::new(500);
            let all = fake(0..1000);
            let error = block(run(&all, Change::Add, &keys[..count], &limit())).unwrap_err();
            assert_eq!(error.message, "no");
            // Nobody is asked a thousand times what is no matter of single values.
            assert!(all.requests.load(Ordering::Relaxed) < 80);
            let all = fake(0..1000);
            match block(run(&all, Change::Remove, &keys[..count], &limit())) {
                Ok(outcome) => assert_eq!(outcome.failed.len(), count),
                Err(error) => assert_eq!((error.message.as_str(), count), ("no", 1000)),
            }
            assert!(all.requests.load(Ordering::Relaxed) < 80);
        }
        // More than may be refused in vain, but others are taken.
        let many = fake(0..40);
        let outcome = block(run(&many, Change::Add, &keys, &AtomicUsize::new(10))).unwrap();
        assert_eq!((outcome.done.len(), outcome.failed.len()), (960, 40));
    }

    #[test]
    fn a_controller_that_calls_done_what_is_not_is_no_success() {
        let fake = Arc::new(Fake {
            cap: 500,
            lying: true,
            ..Fake::default()
        });
        assert!(block(run(&fake, Change::Add, &[key(1)], &AtomicUsize::new(10))).is_err());
        assert!(fake.members.lock().unwrap().is_empty());
    }

    #[test]
    fn removing_what_is_gone_is_done_and_denial_ends() {
        let fake = Arc::new(Fake {
            cap: 10,
            missing: [key(1)].into(),
            ..Fake::default()
        });
        let outcome = block(run(
            &fake,
            Change::Remove,
            &[key(1), key(2)],
            &AtomicUsize::new(10),
        ))
        .unwrap();
        assert_eq!((outcome.done.len(), outcome.failed.len()), (2, 0));
        let fake = Arc::new(Fake {
            deny: true,
            ..Fake::default()
        });
        assert!(block(run(&fake, Change::Add, &[key(1)], &AtomicUsize::new(10))).is_err());
        let fake = Arc::new(Fake {
            cap: 0,
            ..Fake::default()
        });
        let refused = block(run(
            &fake,
            Change::Add,
            &[key(1), key(2)],
            &AtomicUsize::new(10),
        ));
        assert_eq!(refused.unwrap_err().id, ErrorId::DirectoryLimitExceeded);
    }
}
