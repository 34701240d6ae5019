//! Trying again, with a pause that doubles.

use std::time::Duration;

/// How often something is looked for at the most.
const LOOKS: u32 = 5;
/// Pause after the first look.
const PAUSE: Duration = Duration::from_millis(250);

/// Runs `attempt` up to `times` times, while `again` says so of its result. The last result.
pub(crate) async fn retry<T>(
    (times, mut pause): (u32, Duration),
    again: impl Fn(&T) -> bool,
    mut attempt: impl AsyncFnMut() -> T,
) -> T {
    for _ in 1..times {
        let result = attempt().await;
        if !again(&result) {
            return result;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    attempt().await
}

/// Looks until something is seen; `None` where there is nothing to be seen in the end. A service of which not every
/// part knows at once what was written or deleted is asked a few times.
pub(crate) async fn patiently<T, E>(
    look: impl AsyncFnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    retry((LOOKS, PAUSE), |seen| matches!(seen, Ok(None)), look).await
}
