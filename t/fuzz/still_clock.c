#include "config.h"

#include "fuzz.h"

#include "base/clock.h"

static int64_t shift_seconds;

void still_clock_reset(void)
{
    shift_seconds = 0;
}

void clock_start(void)
{
    still_clock_reset();
}

uint32_t clock_seconds(void)
{
    return (uint32_t)(STILL_CLOCK_START + shift_seconds);
}

uint32_t clock_started_at(void)
{
    return STILL_CLOCK_START;
}

uint32_t clock_uptime(void)
{
    return clock_seconds() - clock_started_at();
}

void clock_shift(int64_t seconds)
{
    shift_seconds += seconds;
}

void clock_pause(void) {}

void clock_resume(void) {}

uint64_t clock_microseconds(void)
{
    return 0;
}

uint64_t clock_nanoseconds(void)
{
    return 0;
}

uint64_t clock_wall_microseconds(void)
{
    return clock_microseconds();
}

uint64_t clock_cpu_microseconds(void)
{
    return 0;
}
