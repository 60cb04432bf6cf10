// Counts the terms of documents on a device, into a TermCounter: what its add_documents and rows do on the CPU, exactly.
#pragma once

#include <cstdint>
#include <memory>

#include "cuda/device.hpp"
#include "text/count_terms.hpp"
#include "text/device_text_kernels.hpp"
#include "text/device_write_rows.hpp"

namespace coterie::text {

class DeviceTermCounter {
  public:
    // Of the analysis of counter, which must outlive this: words and their n-grams, else std::invalid_argument. hash_mask:
    // which bits of hashes count; fewer make them collide, for tests. Documents go to the device in batches of batch_bytes.
    DeviceTermCounter(std::shared_ptr<cuda::Device> device, TermCounter& counter,
                      std::int64_t batch_bytes = kBatchBytes, std::uint64_t hash_mask = ~std::uint64_t{0});

    static constexpr std::int64_t kBatchBytes = std::int64_t{32} << 20;

    void add_documents(const DocumentSource& documents, int n_threads);

    // As TermCounter::rows, of the documents that were added here. Consumes them.
    template <typename T>
    CountMatrix<T> rows(const std::vector<TermId>& ids, const WeightOptions& weights, int n_threads) {
        return write_rows<T>(*device_, batches_, counter_.columns_of(ids), counter_.n_columns(ids), weights,
                             n_threads);
    }

  private:
    // UTF-8 texts of documents of a batch, with a zero byte behind each.
    struct Texts {
        std::vector<std::uint8_t> bytes;
        std::vector<std::int64_t> begin;
        std::vector<std::int32_t> document;
        bool is_normalised = false;
    };
    struct OnDevice;
    struct Runs;
    struct Words;
    struct Pairs;

    Texts texts_of(const DocumentSource& documents, index_t first, index_t last,
                   const std::vector<std::int64_t>& sizes, int n_threads) const;
    Texts normalised(const DocumentSource& documents, index_t first, const Texts& raw,
                     const std::vector<std::uint32_t>& marked, index_t first_row) const;
    std::vector<std::uint32_t> count(const Texts& texts, CountedBatch& batch);
    void classify(const Texts& texts, OnDevice& there);
    void find_tokens(OnDevice& there, std::uint64_t seed);
    bool number_tokens(OnDevice& there, Runs& terms);
    Runs number_runs(const cuda::DeviceArray<std::uint64_t>& keys,
                     const cuda::DeviceArray<std::uint32_t>& order,
                     const cuda::DeviceArray<std::uint32_t>& is_first, index_t n, index_t n_places);
    TermList texts_of_terms(const OnDevice& there, const Runs& terms);
    Words words_of(const OnDevice& there, const Runs& terms, const std::vector<TermId>& ids);
    Runs number_grams(const Words& words, const Runs& prefixes, int length);
    void add_pairs(const Words& words, const Runs& terms, const std::vector<TermId>& ids, Pairs& pairs);
    void count_pairs(Pairs& pairs, CountedBatch& batch);

    std::shared_ptr<cuda::Device> device_;
    const device::Kernels& kernels_;
    TermCounter& counter_;
    std::int64_t batch_bytes_;
    std::uint64_t hash_mask_;
    cuda::DeviceArray<std::uint16_t> block_of_, record_of_;
    cuda::DeviceArray<CharRecord> records_;
    std::vector<CountedBatch> batches_;
};

}  // namespace coterie::text
