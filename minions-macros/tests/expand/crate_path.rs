#[pipeline(crate = vendor::minions)]
struct Clock;

#[pipeline(crate = vendor::minions)]
impl Clock {
    async fn next(&mut self) -> Result<Next<Tick>> {
        Ok(Next::Idle)
    }
}
