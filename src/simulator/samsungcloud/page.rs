//! Lists: filters, order and pages by query parameters.

use std::cmp::Ordering;

use serde_json::Value;

use super::Call;
use super::error::Refusal;
use super::switches::{DefaultPage, Marker};

/// The largest page.
const MOST: usize = 1000;

/// Filters `items` by the query's `filters`, sorts them, and cuts out the page; with it comes the number of all that
/// passed the filters.
pub(crate) fn cut(call: &Call<'_>, items: Vec<Value>, filters: &[&str]) -> Result<(Vec<Value>, usize), Refusal> {
    let query = call.request.query_pairs();
    let text = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let passes =
        |item: &Value| filters.iter().all(|name| text(name).is_none_or(|wanted| shown(&item[*name]) == wanted));
    let mut items: Vec<Value> = items.into_iter().filter(passes).collect();
    let count = items.len();
    if let Some(sort) = text("sort") {
        let (key, direction) = sort.split_once(':').unwrap_or((sort, "asc"));
        if !matches!(direction, "asc" | "desc") {
            return Err(Refusal::invalid("sort", "The direction should be asc or desc."));
        }
        items.sort_by(|a, b| compare(&a[key], &b[key]));
        if direction == "desc" {
            items.reverse();
        }
    }
    let first = match text("marker") {
        None => 0,
        Some(marker) => {
            let place = items.iter().position(|item| item["id"] == marker);
            let place = place.ok_or_else(|| Refusal::invalid("marker", "The item does not exist."))?;
            if call.switches().marker == Marker::Exclusive { place + 1 } else { place }
        }
    };
    let offset = number("offset", text("offset"))?.unwrap_or(0);
    let limit = number("limit", text("limit"))?.unwrap_or(match call.switches().default_page {
        DefaultPage::Twenty => 20,
        DefaultPage::Thousand => MOST,
    });
    if limit > MOST {
        return Err(Refusal::invalid("limit", "The value should be 1000 or less."));
    }
    Ok((items.into_iter().skip(first).skip(offset).take(limit).collect(), count))
}

fn number(name: &str, text: Option<&str>) -> Result<Option<usize>, Refusal> {
    let parse = |text: &str| text.parse().map_err(|_| Refusal::invalid(name, "The value should be a number."));
    text.map(parse).transpose()
}

/// A value as it stands in a query.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => shown(a).cmp(&shown(b)),
    }
}
