//! Following a cloud's job to its end.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

use super::api::Failure;
use crate::{
    budget::{Budget, Ended},
    ids::JobId,
    transport::ErrorKind,
    wait::{Poll, WaitError, Waiter},
};

/// What one look at a job shows.
#[derive(Clone, Debug)]
pub(crate) enum JobSight<T> {
    /// It has not ended; its status as the cloud writes it.
    Running(String),
    /// It has ended like this.
    Ended(T),
}

/// How long a job that was accepted just now may not be seen before it counts as one that cannot be: as long as it is
/// followed, nothing else is sent to its server.
const APPEARS_WITHIN: Duration = Duration::from_secs(10);

/// Looks at `job` until it has ended or the budget has. A cloud that cannot be asked for a while is asked again; one that
/// goes on not knowing the job, or not letting us see it, ends the following with none: the pair itself will tell.
pub(crate) async fn follow<T, F>(
    waiter: &Waiter,
    job: &JobId,
    budget: &Budget,
    mut look: impl FnMut(Budget) -> F + Send,
) -> Result<Option<T>, Failure>
where
    F: Future<Output = Result<JobSight<T>, Failure>> + Send,
{
    let began = Instant::now();
    let waited = waiter
        .wait(budget, |budget| {
            let look = look(budget);
            async move {
                match look.await {
                    Ok(JobSight::Running(state)) => Ok(Poll::Pending { state }),
                    Ok(JobSight::Ended(end)) => Ok(Poll::Done(Some(end))),
                    Err(failure) if may_pass(&failure, !waiter.is_resumed() && began.elapsed() < APPEARS_WITHIN) => {
                        Ok(Poll::Pending { state: format!("not to be seen for now ({})", failure.text) })
                    }
                    Err(failure) if matches!(failure.kind, ErrorKind::Stopped | ErrorKind::DeadlineExceeded) => {
                        Err(failure)
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the job cannot be looked at; the pair itself will tell");
                        Ok(Poll::Done(None))
                    }
                }
            }
        })
        .await;
    match waited {
        Ok(waited) => Ok(waited.value),
        Err(WaitError::Failed(failure)) => Err(failure),
        Err(WaitError::Ended { ended, last_state, polls, .. }) => {
            let state = last_state.unwrap_or_else(|| "not seen yet".to_owned());
            Err(ended_failure(ended, format!("job {job} is {state} (polls: {polls})")))
        }
    }
}

/// Whether a look that failed may go well later; one at a job that is `new` may be early or meet a gateway's hiccup.
const fn may_pass(failure: &Failure, new: bool) -> bool {
    match failure.kind {
        ErrorKind::Stopped | ErrorKind::DeadlineExceeded => false,
        ErrorKind::AnswerLost
        | ErrorKind::Unreachable
        | ErrorKind::Throttled
        | ErrorKind::Server
        | ErrorKind::Malformed
        | ErrorKind::Conflict => true,
        _ => new,
    }
}

/// A budget that ended while waiting for something, as a failure that says for what.
pub(crate) fn ended_failure(ended: Ended, waiting_for: String) -> Failure {
    let kind = match ended {
        Ended::Stopped => ErrorKind::Stopped,
        Ended::DeadlineExceeded => ErrorKind::DeadlineExceeded,
    };
    Failure { kind, operation: String::new(), text: waiting_for, clock_skew: None, busy: false }
}
