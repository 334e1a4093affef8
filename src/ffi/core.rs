//! Sessions and operations behind the handles, and the runtime that drives them. Safe code, generic over the engine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::boundary::{contain_work, own_thread, panicked, wrong};
use super::buffer::{Lent, gwb_buffer};
use super::engine::Engine;
use super::handle::{Kind, Table};
use super::lock;
use super::os::bound_heaps;
use crate::error::{Error, ErrorId, Result};
use crate::operation::queue::{Next, Queue};
use crate::operation::{Cancel, Context};
use crate::session::Request;

/// Most time a call waits, but for closing.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// The unit of what closing waits; tests don't wait that long.
const SECOND: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 1000 });
/// How long closing waits for operations to stop by themselves before it breaks them off.
const STOP_WAIT: Duration = SECOND.saturating_mul(7);
/// When it no longer waits for those that were broken off.
const BREAK_WAIT: Duration = SECOND.saturating_mul(8);
/// How long closing waits in all.
const CLOSE_WAIT: Duration = SECOND.saturating_mul(9);

/// Everything there is one of: handles, lent buffers, the runtime.
pub(super) struct Core<E: Engine> {
    table: Mutex<Table<Entry<E>>>,
    lent: Lent,
    runtime: OnceCell<Runtime>,
}

enum Entry<E: Engine> {
    Session(Arc<Open<E>>),
    Operation(Arc<Operation>),
}

/// An open session.
struct Open<E: Engine> {
    engine: Arc<E>,
    running: Mutex<Running>,
    /// Number of operations that run, whether their handles still live or not.
    count: watch::Sender<usize>,
}

#[derive(Default)]
struct Running {
    closed: bool,
    last: u64,
    work: HashMap<u64, (Cancel, Option<AbortHandle>)>,
}

/// One operation as its caller sees it.
struct Operation {
    session: u64,
    queue: Arc<Queue>,
    cancel: Cancel,
}

impl Operation {
    /// The caller wants nothing of it any more.
    fn drop_caller(&self) {
        self.cancel.cancel();
        self.queue.abandon();
    }
}

impl<E: Engine> Open<E> {
    /// Registers work; `None` when the session is being closed.
    fn begin(self: &Arc<Self>, cancel: Cancel) -> Option<Ticket<E>> {
        let mut running = lock(&self.running);
        if running.closed {
            return None;
        }
        running.last += 1;
        let number = running.last;
        running.work.insert(number, (cancel, None));
        self.count.send_replace(running.work.len());
        Some(Ticket {
            session: Arc::clone(self),
            number,
        })
    }
}

/// Registered work; dropping it tells the session that the work has ended.
struct Ticket<E: Engine> {
    session: Arc<Open<E>>,
    number: u64,
}

impl<E: Engine> Ticket<E> {
    fn abort_by(&self, handle: AbortHandle) {
        if let Some((_, abort)) = lock(&self.session.running).work.get_mut(&self.number) {
            *abort = Some(handle);
        }
    }
}

impl<E: Engine> Drop for Ticket<E> {
    fn drop(&mut self) {
        let mut running = lock(&self.session.running);
        running.work.remove(&self.number);
        self.session.count.send_replace(running.work.len());
    }
}

/// Of each of our threads. A whole run is one future; unoptimized, polling it has come to need close to the usual 2 MB.
/// Address space only: what is not used takes no memory.
const STACK: usize = 4 << 20;

impl<E: Engine> Core<E> {
    pub(super) const fn new() -> Self {
        Core {
            table: Mutex::new(Table::new()),
            lent: Lent::new(),
            runtime: OnceCell::new(),
        }
    }

    /// One runtime for all sessions, made when first needed; its threads outlive them.
    fn runtime(&self) -> Result<&Runtime> {
        self.runtime.get_or_try_init(|| {
            bound_heaps();
            let cpus = std::thread::available_parallelism().map_or(2, usize::from);
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(cpus.clamp(2, 4))
                .thread_name("group-writeback")
                .on_thread_start(own_thread)
                .thread_stack_size(STACK)
                .enable_all()
                .build()
                .map_err(|error| {
                    Error::new(
                        ErrorId::NativeEnginePanic,
                        "The engine's threads could not be started.",
                    )
                    .action("Free memory or threads of this process, then connect again.")
                    .caused_by(&error)
                })
        })
    }

    pub(super) fn lend(&self, bytes: Vec<u8>) -> gwb_buffer {
        self.lent.lend(bytes)
    }

    pub(super) fn take_back(&self, buffer: &gwb_buffer) -> bool {
        self.lent.take_back(buffer)
    }

    pub(super) fn open(&self, config: &Value) -> Result<u64> {
        let _context = self.runtime()?.enter();
        let session = Entry::Session(Arc::new(Open {
            engine: E::open(config)?,
            running: Mutex::default(),
            count: watch::Sender::new(0),
        }));
        let inserted = lock(&self.table).insert(Kind::Session, session);
        inserted.map_err(|_| too_many())
    }

    /// Ends a session: from here on its handles are dead, whatever its work still does.
    pub(super) fn close(&self, token: u64) -> Result<()> {
        let mut table = lock(&self.table);
        let session = match table.get(token) {
            Some(Entry::Session(session)) => Arc::clone(session),
            _ => return Err(no_session()),
        };
        let dead: Vec<_> = table
            .tokens(
                |entry| matches!(entry, Entry::Operation(operation) if operation.session == token),
            )
            .into_iter()
            .chain([token])
            .filter_map(|token| table.remove(token))
            .collect();
        drop(table);
        for entry in &dead {
            if let Entry::Operation(operation) = entry {
                operation.drop_caller();
            }
        }
        let runtime = self.runtime()?;
        let _context = runtime.enter();
        runtime.block_on(session.stop());
        Ok(())
    }

    pub(super) fn start(
        &self,
        function: &'static str,
        token: u64,
        request: Request,
    ) -> Result<u64> {
        let session = match lock(&self.table).get(token) {
            Some(Entry::Session(session)) => Arc::clone(session),
            _ => return Err(no_session()),
        };
        let runtime = self.runtime()?;
        let _context = runtime.enter();
        let cancel = Cancel::default();
        let queue = Queue::new(cancel.clone());
        let ticket = session.begin(cancel.clone()).ok_or_else(no_session)?;
        let context = Context {
            host: queue.clone(),
            cancel: cancel.clone(),
        };
        let work = session.engine.start(request, context)?;

        let operation = Entry::Operation(Arc::new(Operation {
            session: token,
            queue: queue.clone(),
            cancel,
        }));
        let mut table = lock(&self.table);
        if !matches!(table.get(token), Some(Entry::Session(_))) {
            // Closed while the request was being looked at.
            drop(table);
            return Err(no_session());
        }
        let inserted = table.insert(Kind::Operation, operation);
        drop(table);
        let handle = inserted.map_err(|_| too_many())?;

        // In a task of its own, which can be broken off without losing the operation's end.
        let work = runtime.spawn(contain_work(function, work));
        ticket.abort_by(work.abort_handle());
        runtime.spawn(async move {
            let result = match work.await {
                Ok(result) => result,
                Err(ended) => match ended.try_into_panic() {
                    // While the work was dropped: its polling is contained.
                    Ok(payload) => Err(panicked(function, payload)),
                    Err(_) => Err(Error::new(
                        ErrorId::OperationCancelled,
                        "The operation was broken off.",
                    )),
                },
            };
            queue.finish(result);
            drop(ticket);
        });
        Ok(handle)
    }

    fn operation(&self, token: u64) -> Result<Arc<Operation>> {
        match lock(&self.table).get(token) {
            Some(Entry::Operation(operation)) => Ok(Arc::clone(operation)),
            _ => Err(no_operation()),
        }
    }

    pub(super) fn next(&self, token: u64, wait: Duration) -> Result<Next> {
        match self.operation(token)?.queue.next(wait.min(LONGEST_WAIT)) {
            Next::Gone => Err(no_operation()),
            next => Ok(next),
        }
    }

    pub(super) fn answer(&self, token: u64, bytes: &[u8]) -> Result<()> {
        self.operation(token)?.queue.answer(bytes)
    }

    pub(super) fn cancel(&self, token: u64) -> Result<()> {
        self.operation(token)?.cancel.cancel();
        Ok(())
    }

    pub(super) fn release(&self, token: u64) -> Result<()> {
        let mut table = lock(&self.table);
        if !matches!(table.get(token), Some(Entry::Operation(_))) {
            return Err(no_operation());
        }
        let entry = table.remove(token);
        drop(table);
        if let Some(Entry::Operation(operation)) = entry {
            operation.drop_caller();
        }
        Ok(())
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn live(&self) -> (usize, usize) {
        (lock(&self.table).tokens(|_| true).len(), self.lent.count())
    }
}

impl<E: Engine> Open<E> {
    /// No new work from now on, and the old is asked to stop.
    fn refuse_and_cancel(&self) {
        let mut running = lock(&self.running);
        running.closed = true;
        for (cancel, _) in running.work.values() {
            cancel.cancel();
        }
    }

    /// Ends tasks at whatever point they wait: for work that does not look at its cancellation.
    fn break_off(&self) {
        for (_, abort) in lock(&self.running).work.values() {
            if let Some(abort) = abort {
                abort.abort();
            }
        }
    }

    /// Cancels what runs, waits for it, breaks off what doesn't stop, and lets the engine clear up.
    async fn stop(&self) {
        let begin = Instant::now();
        self.refuse_and_cancel();
        let mut count = self.count.subscribe();
        let mut idle = async |limit: Duration| {
            let limit = limit.saturating_sub(begin.elapsed());
            // The sender is a member of self: only the time limit can end the waiting otherwise.
            let _ = tokio::time::timeout(limit, count.wait_for(|count| *count == 0)).await;
        };
        idle(STOP_WAIT).await;
        self.break_off();
        idle(BREAK_WAIT).await;
        let limit = CLOSE_WAIT.saturating_sub(begin.elapsed());
        let _ = tokio::time::timeout(limit, self.engine.close()).await;
    }
}

fn no_session() -> Error {
    Error::new(
        ErrorId::NativeHandleInvalid,
        "There is no such session: it was closed, or never opened.",
    )
}

fn no_operation() -> Error {
    Error::new(
        ErrorId::NativeHandleInvalid,
        "There is no such operation: it was released, or its session closed.",
    )
    .action("Start the operation again.")
}

fn too_many() -> Error {
    wrong("Too many sessions and operations are open.".to_owned())
        .action("Release operations and close sessions that are no longer needed.")
}
