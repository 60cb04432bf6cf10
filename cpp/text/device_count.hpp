// Counts the words of documents on a device, into a TermCounter: what its add_documents counts on the CPU, exactly.
#pragma once

#include <cstdint>
#include <memory>

#include "cuda/device.hpp"
#include "text/count_terms.hpp"
#include "text/device_text_kernels.hpp"

namespace coterie::text {

class DeviceWordCounter {
  public:
    // Words alone: analyzer "word", one word a term, no accents stripped; else std::invalid_argument. hash_mask: which
    // bits of hashes count; fewer make them collide, for tests. Documents go to the device in batches of batch_bytes.
    DeviceWordCounter(std::shared_ptr<cuda::Device> device, const AnalyzeOptions& options,
                      std::int64_t batch_bytes = kBatchBytes, std::uint64_t hash_mask = ~std::uint64_t{0});

    static constexpr std::int64_t kBatchBytes = std::int64_t{32} << 20;

    void add_documents(TermCounter& counter, const DocumentSource& documents, int n_threads);

  private:
    // UTF-8 texts of documents of a batch, with a zero byte behind each.
    struct Texts {
        std::vector<std::uint8_t> bytes;
        std::vector<std::int64_t> begin;
        std::vector<std::int32_t> document;
        bool is_normalised = false;
    };
    // What a batch holds; entries go by document.
    struct Counts {
        TermList terms;
        std::vector<std::int64_t> document_frequency, term_frequency, row_length;
        std::vector<std::uint32_t> entry_terms, entry_counts;
        std::vector<std::uint32_t> marked;  // by segment
    };
    struct OnDevice;

    Texts texts_of(const DocumentSource& documents, index_t first, index_t last,
                   const std::vector<std::int64_t>& sizes, int n_threads) const;
    Texts normalised(const DocumentSource& documents, index_t first, const Texts& raw,
                     const std::vector<std::uint32_t>& marked, index_t first_row) const;
    Counts count(const Texts& texts, index_t n_documents);
    void find_tokens(OnDevice& there, std::uint64_t seed);
    bool number_terms(OnDevice& there);
    void count_pairs(OnDevice& there, index_t n_documents, Counts& out);
    void gather_terms(const OnDevice& there, Counts& out);

    std::shared_ptr<cuda::Device> device_;
    const device::Kernels& kernels_;
    AnalyzeOptions options_;
    std::int64_t batch_bytes_;
    std::uint64_t hash_mask_;
    cuda::DeviceArray<std::uint16_t> block_of_, record_of_;
    cuda::DeviceArray<CharRecord> records_;
};

}  // namespace coterie::text
