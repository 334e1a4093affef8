/* The C interface of Group Writeback. Contract: docs/abi.md.
 * Written by the build from src/ffi/: change it there. */

#ifndef GROUP_WRITEBACK_H
#define GROUP_WRITEBACK_H

#include <stddef.h>
#include <stdint.h>

/**
 * Version of this interface. It changes when anything in the header or in docs/abi.md changes incompatibly.
 */
#define GWB_ABI_VERSION 1

/**
 * Done.
 */
#define GWB_OK 0

/**
 * gwb_next: nothing yet, ask again.
 */
#define GWB_PENDING 1

/**
 * gwb_next: the operation has ended and every event was taken.
 */
#define GWB_END 2

/**
 * No such session or operation: stale, released, or never given out.
 */
#define GWB_INVALID_HANDLE 100

/**
 * Null pointer, bad UTF-8, bad JSON, unknown request.
 */
#define GWB_INVALID_ARGUMENT 101

/**
 * The request was understood and refused; the error object says why.
 */
#define GWB_ERROR 102

/**
 * A defect of the library was contained; the error object names the function.
 */
#define GWB_PANIC 103

/**
 * Bytes given out by the library. They are the caller's until it gives the structure to gwb_buffer_free.
 */
typedef struct gwb_buffer {
    /**
     * The first byte; null when the structure is empty.
     */
    uint8_t *ptr;
    /**
     * Number of bytes.
     */
    size_t len;
} gwb_buffer;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of this interface, GWB_ABI_VERSION. Compare it before calling anything else.
 */
uint32_t gwb_abi_version(void);

/**
 * The versions of the library and of this interface, as JSON: {"version":"0.1.0","abi":1}.
 *
 * # Safety
 * `out` is writable; `error` is null or writable.
 */
int32_t gwb_version(struct gwb_buffer *out, struct gwb_buffer *error);

/**
 * Opens a session. Reads and validates the configuration; no network.
 *
 * # Safety
 * `ptr` is readable for `len` bytes; `session` is writable; `error` is null or writable.
 */
int32_t gwb_open(const uint8_t *ptr, size_t len, uint64_t *session, struct gwb_buffer *error);

/**
 * Closes a session: cancels what runs, waits for it (at most 10 seconds), forgets secrets. The handles of its
 * operations are dead from then on.
 *
 * # Safety
 * `error` is null or writable.
 */
int32_t gwb_close(uint64_t session, struct gwb_buffer *error);

/**
 * Starts an operation that switches writeback on.
 *
 * # Safety
 * `ptr` is readable for `len` bytes; `operation` is writable; `error` is null or writable.
 */
int32_t gwb_enable(uint64_t session,
                   const uint8_t *ptr,
                   size_t len,
                   uint64_t *operation,
                   struct gwb_buffer *error);

/**
 * Starts an operation that switches writeback off.
 *
 * # Safety
 * `ptr` is readable for `len` bytes; `operation` is writable; `error` is null or writable.
 */
int32_t gwb_disable(uint64_t session,
                    const uint8_t *ptr,
                    size_t len,
                    uint64_t *operation,
                    struct gwb_buffer *error);

/**
 * Starts an operation that writes groups: a cycle, single groups, or a stored plan.
 *
 * # Safety
 * `ptr` is readable for `len` bytes; `operation` is writable; `error` is null or writable.
 */
int32_t gwb_sync(uint64_t session,
                 const uint8_t *ptr,
                 size_t len,
                 uint64_t *operation,
                 struct gwb_buffer *error);

/**
 * Starts any other operation; the member `op` of the request says which.
 *
 * # Safety
 * `ptr` is readable for `len` bytes; `operation` is writable; `error` is null or writable.
 */
int32_t gwb_query(uint64_t session,
                  const uint8_t *ptr,
                  size_t len,
                  uint64_t *operation,
                  struct gwb_buffer *error);

/**
 * Takes a batch of events, waiting for them at most `timeout_ms` and never longer than 250 milliseconds: GWB_OK with
 * JSON objects separated by line feeds, GWB_PENDING, or GWB_END.
 *
 * # Safety
 * `events` is writable; `error` is null or writable.
 */
int32_t gwb_next(uint64_t operation,
                 uint32_t timeout_ms,
                 struct gwb_buffer *events,
                 struct gwb_buffer *error);

/**
 * Answers an `ask` event: one line of JSON, a line feed, the payload as raw bytes. The caller may zero its bytes as
 * soon as the function has returned.
 *
 * # Safety
 * `ptr` is readable for `len` bytes; `error` is null or writable.
 */
int32_t gwb_answer(uint64_t operation,
                   const uint8_t *ptr,
                   size_t len,
                   struct gwb_buffer *error);

/**
 * Asks an operation to stop; its last event is then `failed` with the error OperationCancelled. Asking again, or
 * after the end, does nothing.
 *
 * # Safety
 * `error` is null or writable.
 */
int32_t gwb_cancel(uint64_t operation,
                   struct gwb_buffer *error);

/**
 * Forgets an operation, and cancels it if it still runs. Its handle is dead from then on.
 *
 * # Safety
 * `error` is null or writable.
 */
int32_t gwb_release(uint64_t operation, struct gwb_buffer *error);

/**
 * Frees a buffer and empties the structure. Null, an empty structure, and one that was freed before are ignored.
 *
 * # Safety
 * `buffer` is null or writable.
 */
void gwb_buffer_free(struct gwb_buffer *buffer);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GROUP_WRITEBACK_H */
