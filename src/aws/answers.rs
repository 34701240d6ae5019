//! The HTTP client of whatever asks AWS through its SDK: the SDK's own, with a limit to an answer.

use std::error::Error as StdError;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_ssm::config::http::{HttpRequest, HttpResponse};
use aws_sdk_ssm::config::{HttpClient, RuntimeComponentsBuilder, RuntimePlugin, SharedHttpClient};
use aws_sdk_ssm::error::ConnectorError;
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// The largest answer that is taken in. What is asked here is answered with some KB; a page of parameters of the
/// largest size would be less than 1 MiB.
const MOST: usize = 8 * 1024 * 1024;
/// Reading one answer, once it has begun.
const READING: Duration = Duration::from_secs(10);

/// The client of the SDK, bounded; `None` where the SDK has none.
pub(crate) fn bounded() -> Option<SharedHttpClient> {
    let plugin = default_http_client_plugin_v2(BehaviorVersion::latest())?;
    let nothing = RuntimeComponentsBuilder::new("none");
    let client = plugin.runtime_components(&nothing).http_client()?;
    Some(http_client_fn(move |settings, components| {
        SharedHttpConnector::new(BoundedConnector(
            client.http_connector(settings, components),
        ))
    }))
}

/// Whether an answer was refused for its size.
pub(crate) fn too_large(error: &(dyn StdError + 'static)) -> Option<usize> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes
        .any(<dyn StdError + 'static>::is::<TooLarge>)
        .then_some(MOST)
}

#[derive(Debug, thiserror::Error)]
#[error("{}", crate::backend::Kind::TooLarge(MOST))]
struct TooLarge;

#[derive(Debug)]
struct BoundedConnector(SharedHttpConnector);

impl HttpConnector for BoundedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move { whole(answer.await?).await })
    }
}

/// The answer with its body read. None of what is asked is a stream, so the SDK would read all of it as well; here
/// one that is too large is a failure that the SDK does not repeat.
async fn whole(mut answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let body = Limited::new(answer.take_body(), MOST);
    let read = tokio::time::timeout(READING, body.collect()).await;
    let read = read.map_err(|late| ConnectorError::timeout(late.into()))?;
    let body = read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ConnectorError::other(TooLarge.into(), None)
        } else {
            ConnectorError::io(error)
        }
    })?;
    *answer.body_mut() = body.to_bytes().into();
    Ok(answer)
}
