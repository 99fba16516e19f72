//! Following a cloud's job to its end.

use std::future::Future;

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

/// Looks at `job` until it has ended or the budget has. A cloud that cannot be asked for a while is asked again; one that
/// does not know the job, or does not let us see it, ends the following with none: the pair itself will tell.
pub(crate) async fn follow<T, F>(
    waiter: &Waiter,
    job: &JobId,
    budget: &Budget,
    mut look: impl FnMut(Budget) -> F + Send,
) -> Result<Option<T>, Failure>
where
    F: Future<Output = Result<JobSight<T>, Failure>> + Send,
{
    let waited = waiter
        .wait(budget, |budget| {
            let look = look(budget);
            async move {
                match look.await {
                    Ok(JobSight::Running(state)) => Ok(Poll::Pending { state }),
                    Ok(JobSight::Ended(end)) => Ok(Poll::Done(Some(end))),
                    Err(failure) => asked_in_vain(failure).map(|state| match state {
                        Some(state) => Poll::Pending { state },
                        None => Poll::Done(None),
                    }),
                }
            }
        })
        .await;
    match waited {
        Ok(waited) => Ok(waited.value),
        Err(WaitError::Failed(failure)) => Err(failure),
        Err(WaitError::Ended { ended, last_state, polls, .. }) => {
            let state = last_state.unwrap_or_else(|| "not seen yet".to_owned());
            Err(ended_failure(ended, format!("job {job} is {state} (looked at {polls} times)")))
        }
    }
}

/// What a look that failed means: a state to wait in, or none when the job cannot be seen at all.
fn asked_in_vain(failure: Failure) -> Result<Option<String>, Failure> {
    match failure.kind {
        ErrorKind::AnswerLost
        | ErrorKind::Unreachable
        | ErrorKind::Throttled
        | ErrorKind::Server
        | ErrorKind::Malformed
        | ErrorKind::Conflict => Ok(Some(format!("not to be seen for now ({})", failure.text))),
        ErrorKind::Stopped | ErrorKind::DeadlineExceeded => Err(failure),
        _ => {
            tracing::warn!(error = %failure, "the job cannot be looked at; the pair itself will tell");
            Ok(None)
        }
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
