#include "config.h"

#include "store/index.h"

#include "store/index_home.h"

#include <sched.h>
#include <sys/mman.h>

#define SPINS_BEFORE_YIELD 64

/* A line's share of all fractions is at most as wide as a tag, so that line and tag tell the
 * fraction. */
#define LINE_WIDTH_BITS SLOT_TAG_BITS
#define LINES_MIN_MAX (UINT64_C(1) << 28)

#define HUGE_PAGE ((size_t)2 << 20)
#define TAKEN_SIZE_MAX ((size_t)256 << 20) /* at start: more would take a tenth of a second */

/* --- where a hash belongs ------------------------------------------------------------------ */

static uint64_t shape_of(unsigned size, uint32_t unswept)
{
    return (uint64_t)size << 32 | unswept;
}

/* The smallest fraction whose home is that line, in units of its lowest bit that is used. */
static uint64_t fraction_from(const struct index *index, uint64_t line, uint32_t lines)
{
    return (uint64_t)((((wide)line << index->fraction_bits) + lines - 1) / lines);
}

/* Where the entries of a home are that have spilled so far. */
static uint32_t spill_line(uint32_t home, unsigned spill)
{
    if (spill <= 1)
        return home ^ spill;
    return home + spill * (spill + 1) / 2;
}

/* --- words and slots ----------------------------------------------------------------------- */

static void word_write_locked(struct index *index, uint32_t line, uint64_t word)
{
    atomic_store_explicit(&index->lines[line].word, word, memory_order_release);
}

/* A change of some bits under the home's lock, against readers that count hits meanwhile. */
void slot_observe_cas_locked(struct index_entry *entry)
{
    entry->value = atomic_fetch_or_explicit(entry->slot, SLOT_CAS_OBSERVED, memory_order_acq_rel) |
                   SLOT_CAS_OBSERVED;
}

void slot_mark_locked(struct index_entry *entry, uint8_t marks)
{
    uint64_t bits = (uint64_t)(marks & STORE_SLOT_MARKS) << SLOT_MARKS_SHIFT;
    if (bits != 0)
        entry->value = atomic_fetch_or_explicit(entry->slot, bits, memory_order_acq_rel) | bits;
}

void index_replace_locked(struct index_entry *entry, uint64_t place)
{
    uint64_t kept = ~(PLACE_MASK | SLOT_MARKS << SLOT_MARKS_SHIFT);
    entry->value = (entry->value & kept) | place;
    atomic_store_explicit(entry->slot, entry->value, memory_order_release);
}

void index_move_locked(struct index_entry *entry, uint64_t place, unsigned hits)
{
    uint64_t current = atomic_load_explicit(entry->slot, memory_order_relaxed);
    entry->value = (current & ~(PLACE_MASK | SLOT_HITS_MAX << SLOT_HITS_SHIFT)) |
                   (uint64_t)hits << SLOT_HITS_SHIFT | place;
    atomic_store_explicit(entry->slot, entry->value, memory_order_release);
}

void index_relocate_locked(struct index_entry *entry, uint64_t place)
{
    uint64_t current = atomic_load_explicit(entry->slot, memory_order_relaxed);
    entry->value = (current & ~PLACE_MASK) | place;
    atomic_store_explicit(entry->slot, entry->value, memory_order_release);
}

/* --- looking ------------------------------------------------------------------------------- */

static bool find_in_line(const struct index *index, struct index_line *line, uint64_t name,
                         const struct store_key *key, struct index_entry *entry)
{
    for (unsigned i = 0; i < INDEX_SLOTS; i++) {
        uint64_t slot = atomic_load_explicit(&line->slots[i], memory_order_acquire);
        if (LIKELY(slot >> SLOT_SPILL_SHIFT != name) || slot == 0)
            continue;
        if (item_has_key(segments_at(index->segments, slot_place(slot)), key)) {
            *entry = (struct index_entry){&line->slots[i], slot};
            return true;
        }
    }
    return false;
}

#define LINES_FETCHED                                                                              \
    4 /* of those that a key may have spilled to, before the first is looked at                    \
       */

static bool find_spilled(const struct index *index, uint32_t home, uint64_t word,
                         const struct store_key *key, struct index_entry *entry)
{
    uint64_t tag = tag_of(index, key->hash);
    unsigned reach = word_reach(word);
    for (unsigned spill = 2; spill <= reach && spill <= LINES_FETCHED; spill++)
        __builtin_prefetch(&index->lines[spill_line(home, spill)]);
    for (unsigned spill = 1; spill <= reach; spill++)
        if (find_in_line(index, &index->lines[spill_line(home, spill)], slot_name(tag, spill), key,
                         entry))
            return true;
    return false;
}

static bool find_from(const struct index *index, uint32_t home, uint64_t word,
                      const struct store_key *key, struct index_entry *entry)
{
    uint64_t tag = tag_of(index, key->hash);
    return find_in_line(index, &index->lines[home], slot_name(tag, 0), key, entry) ||
           (word_may_have_spilled(word, tag) && find_spilled(index, home, word, key, entry));
}

/* Whether entries of the home were moved between slots since its word was read. */
static bool has_moved(const struct index *index, uint32_t home, uint64_t word)
{
    /* The slots were loaded with acquire, so this load comes after them. */
    return (word & WORD_MOVING) != 0 ||
           ((word_read(index, home) ^ word) & (WORD_MOVING | WORD_MOVES_MASK)) != 0;
}

bool index_find(const struct index *index, const struct store_key *key, struct index_entry *entry)
{
    for (unsigned tries = 1;; tries++) {
        uint32_t home = home_of(index, shape_read(index), key->hash);
        uint64_t word = word_read(index, home);
        if (find_from(index, home, word, key, entry))
            return true;
        if (LIKELY(!has_moved(index, home, word) &&
                   home_of(index, shape_read(index), key->hash) == home))
            return false;
        if (tries % SPINS_BEFORE_YIELD == 0)
            sched_yield();
    }
}

/* --- under the home's lock ----------------------------------------------------------------- */

static bool try_lock_line(struct index *index, uint32_t line)
{
    _Atomic uint64_t *word = &index->lines[line].word;
    uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
    return !(seen & WORD_LOCK) &&
           atomic_compare_exchange_strong_explicit(word, &seen, seen | WORD_LOCK,
                                                   memory_order_acquire, memory_order_relaxed);
}

static void lock_line(struct index *index, uint32_t line)
{
    for (unsigned tries = 1; !try_lock_line(index, line); tries++)
        if (tries % SPINS_BEFORE_YIELD == 0)
            sched_yield();
}

void index_unlock(struct index *index, uint32_t home)
{
    word_write_locked(index, home, word_read(index, home) & ~WORD_LOCK);
}

uint32_t index_lock(struct index *index, uint64_t hash)
{
    for (;;) {
        uint32_t home = home_of(index, shape_read(index), hash);
        lock_line(index, home);
        if (home_of(index, shape_read(index), hash) == home)
            return home;
        index_unlock(index, home); /* the sweep passed while we waited */
    }
}

bool index_find_locked(const struct index *index, uint32_t home, const struct store_key *key,
                       struct index_entry *entry)
{
    return home_has_key(index, home, key, entry) ||
           find_from(index, home, word_read(index, home), key, entry);
}

bool index_find_place_locked(const struct index *index, uint32_t home, uint64_t hash,
                             uint64_t place, struct index_entry *entry)
{
    uint64_t tag = tag_of(index, hash);
    unsigned reach = word_reach(word_read(index, home));
    for (unsigned spill = 0; spill <= reach; spill++) {
        struct index_line *line = &index->lines[spill_line(home, spill)];
        for (unsigned i = 0; i < INDEX_SLOTS; i++) {
            uint64_t slot = atomic_load_explicit(&line->slots[i], memory_order_acquire);
            if (slot_place(slot) == place && slot >> SLOT_SPILL_SHIFT == slot_name(tag, spill)) {
                *entry = (struct index_entry){&line->slots[i], slot};
                return true;
            }
        }
    }
    return false;
}

static bool claim_in_line(struct index_line *line, uint64_t slot, _Atomic uint64_t **claimed)
{
    for (unsigned i = 0; i < INDEX_SLOTS; i++) {
        uint64_t empty = 0;
        if (atomic_load_explicit(&line->slots[i], memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(&line->slots[i], &empty, slot,
                                                    memory_order_acq_rel, memory_order_relaxed)) {
            *claimed = &line->slots[i];
            return true;
        }
    }
    return false;
}

/* The word comes first: whoever sees the slot must know that it may be there. */
static bool claim_spilling_locked(struct index *index, uint32_t home, uint64_t *slot,
                                  _Atomic uint64_t **claimed)
{
    uint64_t word = word_read(index, home);
    for (unsigned spill = 1; spill <= INDEX_REACH_MAX && word_spilled(word) < WORD_BYTE; spill++) {
        *slot = slot_with_spill(*slot, spill);
        word_write_locked(index, home, word_add_spill(word, spill, *slot >> SLOT_TAG_SHIFT));
        if (claim_in_line(&index->lines[spill_line(home, spill)], *slot, claimed))
            return true;
    }
    word_write_locked(index, home, word);
    return false;
}

/*
 * Gives `slot`, which has spilled into `line`, the place of an entry at home there, and lets that
 * one spill in turn (one step of cuckoo hashing). `line` is locked, and another than slot's home.
 */
static bool displace_locked(struct index *index, uint32_t line, uint64_t slot,
                            _Atomic uint64_t **claimed)
{
    bool displaced = false;
    word_write_locked(index, line, word_read(index, line) | WORD_MOVING);
    for (unsigned i = 0; !displaced && i < INDEX_SLOTS; i++) {
        _Atomic uint64_t *place = &index->lines[line].slots[i];
        _Atomic uint64_t *elsewhere;
        uint64_t other = atomic_load_explicit(place, memory_order_acquire);
        if (other == 0 || slot_spill(other) != 0 ||
            !claim_spilling_locked(index, line, &other, &elsewhere))
            continue;
        atomic_store_explicit(place, slot, memory_order_release);
        *claimed = place;
        displaced = true;
    }
    uint64_t word = word_read(index, line);
    uint64_t moves = (word + WORD_MOVES_ONE) & WORD_MOVES_MASK;
    word_write_locked(index, line, (word & ~(WORD_MOVES_MASK | WORD_MOVING)) | moves);
    return displaced;
}

/* When every line that the home may spill into is full: about once in a million additions. */
static bool claim_displacing_locked(struct index *index, uint32_t home, uint64_t *slot,
                                    _Atomic uint64_t **claimed)
{
    for (unsigned spill = 1; spill <= INDEX_REACH_MAX; spill++) {
        uint32_t line = spill_line(home, spill);
        uint64_t word = word_read(index, home);
        if (word_spilled(word) == WORD_BYTE || !try_lock_line(index, line))
            continue; /* never waits: it holds a lock already */
        *slot = slot_with_spill(*slot, spill);
        word_write_locked(index, home, word_add_spill(word, spill, *slot >> SLOT_TAG_SHIFT));
        bool displaced = displace_locked(index, line, *slot, claimed);
        index_unlock(index, line);
        if (displaced)
            return true;
        word_write_locked(index, home, word);
    }
    return false;
}

static bool claim_locked(struct index *index, uint32_t home, uint64_t *slot,
                         _Atomic uint64_t **claimed)
{
    *slot = slot_with_spill(*slot, 0);
    return claim_in_line(&index->lines[home], *slot, claimed) ||
           claim_spilling_locked(index, home, slot, claimed) ||
           claim_displacing_locked(index, home, slot, claimed);
}

bool index_add_locked(struct index *index, uint32_t home, uint64_t hash, uint64_t place,
                      struct index_entry *entry)
{
    entry->value = tag_of(index, hash) << SLOT_TAG_SHIFT | place;
    return claim_locked(index, home, &entry->value, &entry->slot);
}

void index_remove_locked(struct index *index, uint32_t home, struct index_entry *entry)
{
    atomic_store_explicit(entry->slot, 0, memory_order_release);
    if (slot_spill(entry->value) == 0)
        return;
    uint64_t word = word_read(index, home);
    CHECK(word_spilled(word) > 0);
    word -= UINT64_C(1) << WORD_SPILLED_SHIFT;
    word_write_locked(index, home, word_spilled(word) == 0 ? word_without_spills(word) : word);
}

/* --- growth -------------------------------------------------------------------------------- */

/* The share of all slots at which a sweep begins, and the lines it moves for 16 new entries. */
#define GROW_FROM_PERCENT 85
#define STEPS_AT_ONCE 64

#define STEP_ENTRIES_MAX (INDEX_SLOTS * (INDEX_REACH_MAX + 1))

struct step {
    uint32_t old_home;
    uint64_t fraction_from; /* the smallest whose home that is, in units of the lowest bit used */
    uint32_t lines_after;
    uint32_t first_home; /* the new homes are first_home to last_home */
    uint32_t last_home;
    unsigned count;
    struct {
        _Atomic uint64_t *from;
        _Atomic uint64_t *to;
    } moves[STEP_ENTRIES_MAX];
};

static uint32_t step_home(const struct index *index, const struct step *step, uint64_t slot)
{
    uint64_t above = ((slot >> SLOT_TAG_SHIFT) - step->fraction_from) & SLOT_TAG_MAX;
    uint64_t fraction = (step->fraction_from + above) << (64 - index->fraction_bits);
    return line_of(fraction, step->lines_after);
}

/* Claims the new slot of one entry of the step's old home; an entry whose home stays, stays. */
static bool step_place(struct index *index, struct step *step, _Atomic uint64_t *from,
                       uint64_t slot)
{
    uint32_t home = step_home(index, step, slot);
    if (home == step->old_home) {
        unsigned spill = slot_spill(slot);
        if (spill > 0)
            word_write_locked(
                index, home, word_add_spill(word_read(index, home), spill, slot >> SLOT_TAG_SHIFT));
        return true;
    }
    _Atomic uint64_t *to;
    if (!claim_locked(index, home, &slot, &to))
        return false;
    step->moves[step->count].from = from;
    step->moves[step->count++].to = to;
    return true;
}

static bool step_place_line(struct index *index, struct step *step, unsigned spill)
{
    struct index_line *line = &index->lines[spill_line(step->old_home, spill)];
    for (unsigned i = 0; i < INDEX_SLOTS; i++) {
        uint64_t slot = atomic_load_explicit(&line->slots[i], memory_order_acquire);
        /* What has spilled that far and lies here comes from this home and no other. */
        if (slot != 0 && slot_spill(slot) == spill &&
            !step_place(index, step, &line->slots[i], slot))
            return false;
    }
    return true;
}

static void step_lock(struct index *index, const struct step *step)
{
    lock_line(index, step->old_home);
    for (uint32_t home = step->first_home; home <= step->last_home; home++)
        if (home != step->old_home)
            lock_line(index, home);
}

static void step_unlock(struct index *index, const struct step *step)
{
    for (uint32_t home = step->first_home; home <= step->last_home; home++)
        if (home != step->old_home)
            index_unlock(index, home);
    uint64_t word = word_read(index, step->old_home);
    uint64_t moves = (word + WORD_MOVES_ONE) & WORD_MOVES_MASK;
    word_write_locked(index, step->old_home,
                      (word & ~(WORD_MOVES_MASK | WORD_MOVING | WORD_LOCK)) | moves);
}

/* A reader may count a hit in the old slot until it is cleared; that hit is lost, nothing else. */
static void step_clear(const struct step *step, bool done)
{
    for (unsigned i = 0; i < step->count; i++)
        atomic_store_explicit(done ? step->moves[i].from : step->moves[i].to, 0,
                              memory_order_release);
}

static struct step step_of(const struct index *index, unsigned size, uint32_t old_home)
{
    uint32_t lines_before = index->sizes[size];
    unsigned shift = 64 - index->fraction_bits;
    uint64_t to = fraction_from(index, (uint64_t)old_home + 1, lines_before) - 1;
    struct step step = {.old_home = old_home, .lines_after = index->sizes[size + 1]};
    step.fraction_from = fraction_from(index, old_home, lines_before);
    step.first_home = line_of(step.fraction_from << shift, step.lines_after);
    step.last_home = line_of(to << shift, step.lines_after);
    return step;
}

#define STEP_HOMES_MAX 4

/*
 * Moves the entries of the last old home that is not swept yet. false: no room within reach of a
 * new home; nothing was changed.
 */
static bool sweep_line(struct index *index, unsigned size, uint32_t old_home)
{
    struct step step = step_of(index, size, old_home);
    uint64_t words[STEP_HOMES_MAX];
    CHECK(step.last_home - step.first_home < STEP_HOMES_MAX);

    step_lock(index, &step);
    for (uint32_t home = step.first_home; home <= step.last_home; home++)
        words[home - step.first_home] = word_read(index, home);
    uint64_t word = word_read(index, old_home);
    bool stays = step.first_home == old_home;
    /* If it is also a home of the larger size, its word counts from here what belongs to it there.
     */
    word_write_locked(index, old_home, (stays ? word_without_spills(word) : word) | WORD_MOVING);

    bool placed = true;
    for (unsigned spill = 0; placed && spill <= word_reach(word); spill++)
        placed = step_place_line(index, &step, spill);
    step_clear(&step, placed);
    if (placed) {
        if (!stays)
            word_write_locked(index, old_home, word_without_spills(word_read(index, old_home)));
        atomic_store_explicit(&index->shape, shape_of(size, old_home), memory_order_release);
    } else {
        for (uint32_t home = step.first_home; home <= step.last_home; home++)
            word_write_locked(index, home, words[home - step.first_home]);
        word_write_locked(index, old_home, word | WORD_MOVING);
    }
    step_unlock(index, &step);
    return placed;
}

static void sweep_locked(struct index *index, unsigned steps) REQUIRES(index->growth)
{
    uint64_t shape = shape_read(index);
    unsigned size = (unsigned)(shape >> 32);
    uint32_t unswept = (uint32_t)shape;
    for (; steps > 0 && unswept > 0; steps--, unswept--)
        if (!sweep_line(index, size, unswept - 1))
            return;
    if (unswept == 0) {
        atomic_store_explicit(&index->shape, shape_of(size + 1, index->sizes[size + 1]),
                              memory_order_release);
    }
}

static bool sweep_due(struct index *index)
{
    uint64_t shape = shape_read(index);
    unsigned size = (unsigned)(shape >> 32);
    uint64_t slots = (uint64_t)index->sizes[size] * INDEX_SLOTS;
    uint64_t entries = atomic_load_explicit(&index->entries, memory_order_relaxed);
    return size + 1 < index->sizes_count && entries * 100 > slots * GROW_FROM_PERCENT;
}

bool index_growth_due(struct index *index)
{
    return index_is_growing(index) || sweep_due(index);
}

void index_count(struct index *index, int64_t added)
{
    atomic_fetch_add_explicit(&index->entries, (uint64_t)added, memory_order_relaxed);
}

void index_grow(struct index *index)
{
    if (!mutex_try_lock(&index->growth))
        return; /* somebody is at it */
    if (index_growth_due(index))
        sweep_locked(index, STEPS_AT_ONCE);
    mutex_unlock(&index->growth);
}

size_t index_size(const struct index *index)
{
    return index->sizes[shape_read(index) >> 32];
}

size_t index_size_max(const struct index *index)
{
    return index->sizes[index->sizes_count - 1];
}

bool index_is_growing(struct index *index)
{
    uint64_t shape = shape_read(index);
    return (uint32_t)shape != index->sizes[shape >> 32];
}

uint64_t index_entries(struct index *index)
{
    int64_t entries = (int64_t)atomic_load_explicit(&index->entries, memory_order_relaxed);
    return entries < 0 ? 0 : (uint64_t)entries;
}

size_t index_lines(struct index *index)
{
    uint64_t shape = shape_read(index);
    unsigned size = (unsigned)(shape >> 32);
    uint32_t unswept = (uint32_t)shape;
    uint32_t before = index->sizes[size];
    if (unswept == before)
        return before;
    uint32_t after = index->sizes[size + 1];
    uint64_t swept_from = (uint64_t)unswept * after / before;
    return before + after - (swept_from > before ? swept_from : before);
}

size_t index_bytes(struct index *index)
{
    return (index_lines(index) + INDEX_LINES_BEHIND) * CACHE_LINE;
}

size_t index_homes_end(const struct index *index)
{
    uint64_t shape = shape_read(index);
    unsigned size = (unsigned)(shape >> 32);
    bool growing = (uint32_t)shape != index->sizes[size];
    return index->sizes[size + growing];
}

static unsigned home_slots(const struct index *index, uint32_t home, uint64_t word, uint64_t *slots)
{
    unsigned count = 0;
    for (unsigned spill = 0; spill <= word_reach(word); spill++) {
        struct index_line *line = &index->lines[spill_line(home, spill)];
        for (unsigned i = 0; i < INDEX_SLOTS; i++) {
            uint64_t slot = atomic_load_explicit(&line->slots[i], memory_order_acquire);
            if (slot != 0 && slot_spill(slot) == spill)
                slots[count++] = slot;
        }
    }
    return count;
}

unsigned index_home_slots(const struct index *index, size_t home, uint64_t *slots)
{
    for (;;) {
        uint64_t word = word_read(index, (uint32_t)home);
        unsigned count = home_slots(index, (uint32_t)home, word, slots);
        if (LIKELY(!has_moved(index, (uint32_t)home, word)))
            return count;
        sched_yield();
    }
}

/* --- life ---------------------------------------------------------------------------------- */

static void plan_sizes(struct index *index, uint64_t lines_min, uint64_t entries_max)
{
    uint64_t enough = entries_max * 100 / (INDEX_SLOTS * GROW_FROM_PERCENT) + INDEX_SLOTS;
    uint64_t lines = lines_min;
    do {
        index->sizes[index->sizes_count++] = (uint32_t)lines;
        lines += lines / 8;
    } while (index->sizes_count < INDEX_SIZES_MAX &&
             index->sizes[index->sizes_count - 1] < enough &&
             lines < UINT32_MAX - INDEX_LINES_BEHIND);
}

/* Whole ones of so many bytes, in bytes. */
static size_t huge_pages(size_t size)
{
    return size / HUGE_PAGE * HUGE_PAGE;
}

/* Address space that begins where a huge page may. */
static void *reserve(size_t size)
{
    char *at = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)at % HUGE_PAGE;
    if (before > 0)
        munmap(at, before);
    munmap(at + before + size, HUGE_PAGE - before);
    return at + before;
}

/*
 * What the first size fills of huge pages is taken at once: it counts in the memory limit already,
 * look-ups then miss the processor's table of pages less, and the first touch of one would be a
 * long call. What is added by growth is too little at a time for that. Where the kernel has none to
 * give, ordinary pages come, as they are used.
 */
static void take_huge_pages(const struct index *index)
{
    size_t size = huge_pages(index->sizes[0] * sizeof(struct index_line));
    if (size > TAKEN_SIZE_MAX)
        size = TAKEN_SIZE_MAX;
    (void)madvise((char *)index->lines + size, index->reserved_size - size, MADV_NOHUGEPAGE);
    if (size == 0 || madvise(index->lines, size, MADV_HUGEPAGE) != 0)
        return;
    for (volatile char *at = (char *)index->lines; at < (char *)index->lines + size;
         at += HUGE_PAGE)
        *at = 0;
}

bool index_init(struct index *index, const struct segments *segments, size_t lines_min,
                size_t entries_max)
{
    *index = (struct index){.segments = segments};
    if (lines_min < 64)
        lines_min = 64;
    if (lines_min > LINES_MIN_MAX)
        lines_min = LINES_MIN_MAX;
    index->fraction_bits = 63 - (unsigned)__builtin_clzll(lines_min) + LINE_WIDTH_BITS;
    index->fraction_mask = ~UINT64_C(0) << (64 - index->fraction_bits);
    plan_sizes(index, lines_min, entries_max);
    size_t lines_max = index->sizes[index->sizes_count - 1];
    index->reserved_size =
        huge_pages((lines_max + INDEX_LINES_BEHIND) * sizeof(struct index_line) + HUGE_PAGE - 1);
    index->lines = reserve(index->reserved_size);
    if (index->lines == NULL)
        return false;
    take_huge_pages(index);
    atomic_init(&index->shape, shape_of(0, index->sizes[0]));
    mutex_init(&index->growth, LOCK_STORE_GROWTH);
    return true;
}

void index_end(struct index *index)
{
    mutex_end(&index->growth);
    munmap(index->lines, index->reserved_size);
}
