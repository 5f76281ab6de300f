#ifndef LARDER_CHECK_H
#define LARDER_CHECK_H

/*
 * What every file may lean on: checks of the program's own promises, hints for the compiler, and
 * the names of clang's thread-safety attributes.
 */

#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define HOT_INLINE static inline __attribute__((always_inline)) /* where a call is measurable */
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define CACHE_LINE 64
#define CACHE_ALIGNED __attribute__((aligned(CACHE_LINE)))

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* A bug in this program, never bad input: prints the place and aborts. Compiled in always. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (UNLIKELY(!(condition)))                                                                \
            check_failed(__FILE__, __LINE__, #condition);                                          \
    } while (0)

_Noreturn void check_failed(const char *file, int line, const char *condition);

#if defined(__clang__)
#define THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define THREAD_ATTRIBUTE(x)
#endif
#define CAPABILITY(name) THREAD_ATTRIBUTE(capability(name))
#define GUARDED_BY(lock) /* for the reader: in C, clang can not name a lock beside the field */
#define REQUIRES(...) THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define EXCLUDES(...) THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NO_THREAD_CHECK THREAD_ATTRIBUTE(no_thread_safety_analysis)

#endif
