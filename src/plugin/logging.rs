//! Log lines as HashiCorp's hclog writes them, one JSON object a line on standard error, so that `TF_LOG` filters them.
//!
//! See `log_entry.go` in `hashicorp/go-plugin`: the client parses each line, and insists on the timestamp's form.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// Microseconds, as hclog's own format has it; always UTC.
const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Sends every event to standard error from here on. A second call changes nothing.
pub(super) fn install(level: Option<&str>) {
    // An error means that somebody else listens already, which is as good.
    let _ = tracing::subscriber::set_global_default(subscriber(level, io::stderr(), OffsetDateTime::now_utc));
}

fn subscriber(
    level: Option<&str>,
    output: impl Write + Send + 'static,
    clock: impl Fn() -> OffsetDateTime + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    // Libraries speak up only when something is wrong: their finer lines are about bytes, and bytes hold secrets.
    let filter = Targets::new().with_default(LevelFilter::WARN).with_target(env!("CARGO_CRATE_NAME"), filter(level));
    Registry::default().with(Hclog { output: Mutex::new(output), clock }.with_filter(filter))
}

/// The level as Terraform understands it: what is neither a level nor `off` is everything (`JSON` is).
fn filter(level: Option<&str>) -> LevelFilter {
    match level.map(str::to_ascii_lowercase).as_deref() {
        None => LevelFilter::WARN,
        Some("off") => LevelFilter::OFF,
        Some("error") => LevelFilter::ERROR,
        Some("warn") => LevelFilter::WARN,
        Some("info") => LevelFilter::INFO,
        Some("debug") => LevelFilter::DEBUG,
        Some(_) => LevelFilter::TRACE,
    }
}

struct Hclog<W, C> {
    output: Mutex<W>,
    clock: C,
}

impl<S, W, C> Layer<S> for Hclog<W, C>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + Send + 'static,
    C: Fn() -> OffsetDateTime + Send + Sync + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten().collect::<Vec<_>>().iter().rev() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        // go-plugin takes the whole client down when this is no text.
        let message = match fields.0.remove("message") {
            Some(Value::String(message)) => message,
            other => other.map(|message| message.to_string()).unwrap_or_default(),
        };
        let timestamp = (self.clock)().format(TIMESTAMP).unwrap_or_default();
        let mut line = Map::new();
        line.insert("@level".to_owned(), level_name(*event.metadata().level()).into());
        line.insert("@message".to_owned(), message.into());
        line.insert("@module".to_owned(), event.metadata().target().replace("::", ".").into());
        line.insert("@timestamp".to_owned(), timestamp.into());
        line.extend(fields.0.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let mut line = Value::Object(line).to_string();
        line.push('\n');
        // One write a line, so that lines of other processes on the same pipe stay apart. Nobody hears of a failure.
        let _ = self.output.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}

const fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use time::macros::datetime;

    use super::*;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(level: Option<&str>, log: impl FnOnce()) -> Vec<String> {
        let output = Output::default();
        let clock = || datetime!(2026-11-21 03:40:41.000_123 UTC);
        tracing::subscriber::with_default(subscriber(level, output.clone(), clock), log);
        let bytes = output.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_is_what_go_plugin_parses_with_the_fields_of_its_spans() {
        let lines = lines(Some("DEBUG"), || {
            let span = tracing::error_span!("rpc", rpc = "ReadResource", id = 7);
            span.in_scope(|| tracing::debug!(elapsed_ms = 12, "a \"quoted\"\nmessage"));
        });
        let expected = concat!(
            r#"{"@level":"debug","@message":"a \"quoted\"\nmessage","@module":"cloudvolume.plugin.logging.tests","#,
            r#""@timestamp":"2026-11-21T03:40:41.000123Z","elapsed_ms":12,"id":7,"rpc":"ReadResource"}"#
        );
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn without_tf_log_only_warnings_and_errors_are_written() {
        let log = || {
            tracing::info!("silent");
            tracing::warn!("heard");
        };
        assert_eq!(lines(None, log).len(), 1);
        assert_eq!(lines(Some("off"), log).len(), 0);
        assert_eq!(lines(Some("JSON"), log).len(), 2);
    }

    #[test]
    fn libraries_are_heard_only_when_something_is_wrong() {
        let lines = lines(Some("TRACE"), || {
            tracing::debug!(target: "h2", "authorization: secret");
            tracing::warn!(target: "h2", "connection error");
        });
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("connection error"));
    }
}
