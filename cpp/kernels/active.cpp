// Chooses the table once: what the CPU has, what the operating system saves, and what COTERIE_CPU asks for.
#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "kernels/kernels.hpp"
#include "kernels/tables.hpp"

namespace coterie::kernels {
namespace {

#ifdef COTERIE_X86_64
// The AVX-512 kernels with the filters of the matrix units before them.
Table with_filters(const char* name, const Bf16Table* bf16, const Int8Table* int8) {
    Table table = avx512_table();
    table.name = name;
    table.bf16 = bf16;
    table.int8 = int8;
    return table;
}
#endif

// Slowest first. __builtin_cpu_supports covers CPUID and the register state the operating system saves
// (XCR0).
std::vector<const Table*> runnable_tables() {
    std::vector<const Table*> tables = {&portable_table()};
#ifdef COTERIE_X86_64
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) tables.push_back(&avx2_table());
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        tables.push_back(&avx512_table());
        const Int8Table* const vnni = __builtin_cpu_supports("avx512vnni") ? avx512_vnni_table() : nullptr;
        if (vnni != nullptr) {
            static const Table table = with_filters("avx512_vnni", nullptr, vnni);
            tables.push_back(&table);
        }
        if (__builtin_cpu_supports("avx512bf16")) {
            static const Table table = with_filters("avx512_bf16", avx512_bf16_table(), vnni);
            tables.push_back(&table);
        }
        if (amx_bf16_table() != nullptr) {
            const Int8Table* const int8 = amx_int8_table() != nullptr ? amx_int8_table() : vnni;
            static const Table table = with_filters("amx", amx_bf16_table(), int8);
            tables.push_back(&table);
        }
    }
#endif
    return tables;
}

const Table& table_named(const std::string& name, const char* asked_by) {
    const auto tables = runnable_tables();
    if (name.empty() || name == "auto") return *tables.back();
    std::string names;
    for (const Table* t : tables) {
        if (name == t->name) return *t;
        names += std::string(names.empty() ? "" : ", ") + t->name;
    }
    throw std::invalid_argument(std::string("[") + asked_by + "] '" + name +
                                "' is not an instruction set this CPU can run; available: " + names +
                                ", auto");
}

std::atomic<const Table*> chosen{nullptr};

}  // namespace

const Table& active() {
    const Table* t = chosen.load(std::memory_order_acquire);
    if (t == nullptr) {
        const char* wanted = std::getenv("COTERIE_CPU");
        t = &table_named(wanted ? wanted : "", "COTERIE_CPU");
        chosen.store(t, std::memory_order_release);
    }
    return *t;
}

std::vector<std::string> available_isas() {
    std::vector<std::string> names;
    for (const Table* t : runnable_tables()) names.emplace_back(t->name);
    return names;
}

void set_active(const std::string& name) {
    chosen.store(&table_named(name, "set_isa"), std::memory_order_release);
}

void pack_panels(const Table& t, MatrixView<const float> centroids, float* packed) noexcept {
    const index_t k = centroids.rows, d = centroids.cols, k_padded = padded(t, k);
    for (index_t c0 = 0; c0 < k_padded; c0 += t.panel_width) {
        const index_t width = k_padded - c0 < t.panel_width ? k_padded - c0 : t.panel_width;
        float* panel = packed + c0 * d;
        for (index_t j = 0; j < d; ++j)
            for (index_t w = 0; w < width; ++w)
                panel[j * width + w] = c0 + w < k ? centroids.row(c0 + w)[j] : 0.0f;
    }
}

}  // namespace coterie::kernels
