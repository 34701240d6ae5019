//! As much of a browser as a sign-in needs: cookies, redirects, and forms that are filled in and sent.

use std::collections::BTreeMap;

use url::{Url, form_urlencoded};

use super::http::{Answer, HttpClient};

/// More steps than any sign-in takes.
const STEPS: usize = 20;

/// Where a walk ended.
#[derive(Debug)]
pub enum Stop {
    /// A redirect led to this address outside the site; it was not followed.
    Left(String),
    /// A page without a form.
    Page(String),
}

/// A browser at one site.
#[derive(Debug)]
pub struct Browser {
    client: HttpClient,
    site: String,
    cookies: BTreeMap<String, String>,
}

/// The first form of a page.
#[derive(Debug)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Browser {
    /// A browser without cookies that stays below this address.
    pub fn at(site: &str) -> Self {
        let (client, site) = (HttpClient::default(), site.to_owned());
        Self {
            client,
            site,
            cookies: BTreeMap::new(),
        }
    }

    /// Opens an address and goes on, filling the named fields, until there is nothing left to send.
    pub fn walk(&mut self, start: &str, filling: &[(&str, &str)]) -> Result<Stop, String> {
        let (mut address, mut body) = (start.to_owned(), None);
        for _ in 0..STEPS {
            if !address.starts_with(&self.site) {
                return Ok(Stop::Left(address));
            }
            let answer = self.open(&address, body.take())?;
            if let Some(location) = answer.header("location") {
                address = resolve(&address, location)?;
            } else if answer.status >= 400 {
                return Err(format!("{address}: {} {}", answer.status, answer.text));
            } else if let Some(form) = Form::first_of(&answer.text) {
                body = Some(form.filled(filling));
                address = resolve(&address, &form.action)?;
            } else {
                return Ok(Stop::Page(answer.text));
            }
        }
        Err(format!(
            "still not through after {STEPS} steps, at {address}"
        ))
    }

    fn open(&mut self, address: &str, body: Option<String>) -> Result<Answer, String> {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let headers = [
            ("Cookie", cookies.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let method = if body.is_some() { "POST" } else { "GET" };
        let answer = self.client.call(method, address, &headers, body)?;
        for cookie in answer.header_values("set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

impl Form {
    fn first_of(page: &str) -> Option<Self> {
        let (_, rest) = page.split_once("<form")?;
        let (form, _) = rest.split_once("</form>")?;
        let (opening, inside) = form.split_once('>')?;
        let input = |tag: &str| {
            Some((
                attribute(tag, "name")?,
                attribute(tag, "value").unwrap_or_default(),
            ))
        };
        let action = attribute(opening, "action")?;
        let fields = inside.split("<input").skip(1).filter_map(input).collect();
        Some(Self { action, fields })
    }

    /// The form's content: what the page put in, unless a filling is given for the field.
    fn filled(&self, filling: &[(&str, &str)]) -> String {
        let mut content = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.fields {
            let given = filling.iter().find(|(field, _)| field == name);
            content.append_pair(name, given.map_or(value.as_str(), |(_, value)| value));
        }
        content.finish()
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&quot;", "\"").replace("&amp;", "&"))
}

fn resolve(base: &str, address: &str) -> Result<String, String> {
    let base = Url::parse(base).map_err(|error| format!("{base}: {error}"))?;
    base.join(address)
        .map(String::from)
        .map_err(|error| format!("{address}: {error}"))
}
