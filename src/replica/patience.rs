//! A place of which not every part knows at once what was written or deleted is asked a few times.

use std::time::Duration;

/// How often at the most.
const LOOKS: u32 = 5;
/// Pause after the first look; doubles each time.
const PAUSE: Duration = Duration::from_millis(250);

/// Looks until something is seen; `None` where there is nothing to be seen in the end.
pub(super) async fn patiently<T, E>(
    mut look: impl AsyncFnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let mut pause = PAUSE;
    for _ in 1..LOOKS {
        if let Some(seen) = look().await? {
            return Ok(Some(seen));
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    look().await
}
