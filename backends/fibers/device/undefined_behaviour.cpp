// What -fsanitize=undefined calls: the launch ends with a message, where the sanitizer's own library would print one.
#include "scheduler.h"

#include <stdint.h>

namespace {

struct Place {
  const char* file;
  uint32_t line, column;
};

struct Type {
  uint16_t kind, info;
  char name[1];
};

struct Report {  // how the data of each handler begins
  Place place;
  const Type* type;
  const Type* other;
};

struct Mismatch {
  Place place;
  const Type* type;
  uint8_t log_alignment, kind;
};

[[noreturn]] void report(const Report* data, const char* what) {
  pullback::fail("line %u: thread %d: %s", data->place.line, pullback::current_thread(), what);
}

long long small_integer(const Type* type, uintptr_t value) {
  const unsigned bits = 1u << (type->info >> 1), shift = 64 - (bits < 64 ? bits : 64);
  return type->info & 1 ? (long long)((uint64_t)value << shift) >> shift : (long long)value;
}

}  // namespace

#define HANDLER(name, what)                                                                             \
  extern "C" void __ubsan_handle_##name(const Report* data) { report(data, what); }                     \
  extern "C" void __ubsan_handle_##name##_abort(const Report* data) { report(data, what); }

HANDLER(add_overflow, "a signed sum overflows")
HANDLER(sub_overflow, "a signed difference overflows")
HANDLER(mul_overflow, "a signed product overflows")
HANDLER(negate_overflow, "a negation overflows")
HANDLER(divrem_overflow, "a division by zero, or one that overflows")
HANDLER(shift_out_of_bounds, "a shift by more bits than there are, or by a negative number")
HANDLER(load_invalid_value, "a bool is neither 0 nor 1: memory that was never written?")
HANDLER(pointer_overflow, "an address overflows")
HANDLER(float_cast_overflow, "a number does not fit the integer type that it is cast to")
HANDLER(vla_bound_not_positive, "an array has a negative size")
HANDLER(invalid_builtin, "a function is called with an argument that it has no result for")
HANDLER(nonnull_arg, "a null pointer is passed")
HANDLER(nonnull_return_v1, "a null pointer is returned")

extern "C" void __ubsan_handle_builtin_unreachable(const Report* data) { report(data, "code that is not to be reached"); }
extern "C" void __ubsan_handle_missing_return(const Report* data) { report(data, "a function ends without a result"); }

extern "C" void __ubsan_handle_out_of_bounds(const Report* data, uintptr_t index) {
  pullback::fail("line %u: thread %d: index %lld is out of bounds for type %s", data->place.line, pullback::current_thread(),
       small_integer(data->other, index), data->type->name);
}
extern "C" void __ubsan_handle_out_of_bounds_abort(const Report* data, uintptr_t index) {
  __ubsan_handle_out_of_bounds(data, index);
}

extern "C" void __ubsan_handle_type_mismatch_v1(const Mismatch* data, uintptr_t address) {
  const unsigned alignment = 1u << data->log_alignment;
  const char* what = !address ? "the null pointer" : address % alignment ? "misaligned memory" : "memory outside of its array";
  pullback::fail("line %u: thread %d: %s is accessed as type %s, which is aligned to %u bytes", data->place.line,
       pullback::current_thread(), what, data->type->name, alignment);
}
extern "C" void __ubsan_handle_type_mismatch_v1_abort(const Mismatch* data, uintptr_t address) {
  __ubsan_handle_type_mismatch_v1(data, address);
}
