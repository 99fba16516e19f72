//! The simulator's time: real time, plus what a test skipped, seen through an offset when the cloud's clock is wrong.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use tokio::time::Instant;

/// `2026-01-02T03:04:05.678Z`, as in ECS jobs.
pub(crate) const MILLISECONDS_Z: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
/// `2026-01-02T03:04:05.678901`, as in EVS: UTC without saying so.
pub(crate) const MICROSECONDS: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]");
/// `2026-01-02T03:04:05.678901Z`, as in IAM.
pub(crate) const MICROSECONDS_Z: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
/// `Fri, 02 Jan 2026 03:04:05 GMT`, the `Date` header.
const HTTP_DATE: &[FormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Tells simulated time as the time since the start, and wall-clock time for headers and timestamps.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    wall_start: OffsetDateTime,
    skipped: Duration,
    offset_seconds: i64,
}

impl Clock {
    /// Starts now; `offset_seconds` is how far the cloud's clock is ahead of this machine's.
    pub(crate) fn start(offset_seconds: i64) -> Self {
        Self { started: Instant::now(), wall_start: OffsetDateTime::now_utc(), skipped: Duration::ZERO, offset_seconds }
    }

    /// Simulated time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed() + self.skipped
    }

    /// Lets simulated time pass at once. Job retention and token lifetimes see it; the wall clock does not, because the
    /// client's does not either.
    pub(crate) fn skip(&mut self, duration: Duration) {
        self.skipped += duration;
    }

    /// Changes how far the cloud's clock is ahead of this machine's.
    pub(crate) fn set_offset(&mut self, seconds: i64) {
        self.offset_seconds = seconds;
    }

    /// What the cloud's clock shows: compared with signatures and sent as `Date`.
    pub(crate) fn wall(&self) -> OffsetDateTime {
        self.at(self.started.elapsed())
    }

    /// Wall-clock time of a moment of simulated time.
    pub(crate) fn at(&self, moment: Duration) -> OffsetDateTime {
        self.wall_start + moment + time::Duration::seconds(self.offset_seconds)
    }

    /// The `Date` header.
    pub(crate) fn http_date(&self) -> String {
        stamp(self.wall(), HTTP_DATE)
    }
}

/// Writes a timestamp. These formats hold no part a UTC time could lack, so the error case is an empty text.
pub(crate) fn stamp(moment: OffsetDateTime, format: &[FormatItem<'_>]) -> String {
    moment.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn each_service_writes_the_same_moment_its_own_way() {
        let moment = datetime!(2026-01-02 03:04:05.678901 UTC);
        assert_eq!(stamp(moment, MILLISECONDS_Z), "2026-01-02T03:04:05.678Z");
        assert_eq!(stamp(moment, MICROSECONDS), "2026-01-02T03:04:05.678901");
        assert_eq!(stamp(moment, MICROSECONDS_Z), "2026-01-02T03:04:05.678901Z");
        assert_eq!(stamp(moment, HTTP_DATE), "Fri, 02 Jan 2026 03:04:05 GMT");
    }
}
