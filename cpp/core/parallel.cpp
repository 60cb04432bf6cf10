#include "core/parallel.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "core/interrupt.hpp"

namespace coterie {
namespace {

constexpr int kMaxPoolThreads = 1024;
// More threads than these have nothing to run on, and waking them takes longer than a small loop.
constexpr int kThreadsPerProcessor = 2, kLeastLimit = 8;

// Another library may have switched denormals off in this thread; the contract needs them.
class DefaultFloatingPoint {
  public:
    DefaultFloatingPoint(const DefaultFloatingPoint&) = delete;
    DefaultFloatingPoint& operator=(const DefaultFloatingPoint&) = delete;

#ifdef __x86_64__
    // The register of SSE and AVX arithmetic alone: what else there is belongs to the x87 unit, takes as long to load as a small
    // body runs, and has no part in float and double.
    DefaultFloatingPoint() : saved_(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(kDefault); }
    ~DefaultFloatingPoint() { __builtin_ia32_ldmxcsr(saved_); }

  private:
    static constexpr unsigned kDefault = 0x1F80;  // to nearest, denormals kept, no exception traps
    unsigned saved_;
#else
    DefaultFloatingPoint() {
        std::fegetenv(&saved_);
        std::fesetenv(FE_DFL_ENV);
    }
    ~DefaultFloatingPoint() { std::fesetenv(&saved_); }

  private:
    std::fenv_t saved_;
#endif
};

struct Job {
    const std::function<void(index_t, int)>& body;
    const index_t n_tasks;
    const int max_workers;  // helpers beside the caller
    std::atomic<index_t> next{0};
    std::atomic<bool> stop{false};
    int joined = 0;  // helpers that ever joined; guarded by Pool::mutex
    int active = 0;  // helpers inside run(); guarded by Pool::mutex
    std::exception_ptr error;
    std::mutex error_mutex;
    std::condition_variable idle;

    Job(const std::function<void(index_t, int)>& body_, index_t n_tasks_, int max_workers_)
        : body(body_), n_tasks(n_tasks_), max_workers(max_workers_) {}

    bool open() const { return joined < max_workers && !stop.load() && next.load() < n_tasks; }

    void fail(std::exception_ptr e) {
        std::lock_guard lock(error_mutex);
        if (!error) error = std::move(e);
        stop.store(true);
    }

    void run(int slot, bool polls) {
        DefaultFloatingPoint environment;
        try {
            while (!stop.load(std::memory_order_relaxed)) {
                const index_t task = next.fetch_add(1);
                if (task >= n_tasks) return;
                body(task, slot);
                if (polls) check_interrupt();
            }
        } catch (...) {
            fail(std::current_exception());
        }
    }
};

class Pool {
  public:
    void run(Job& job) {
        {
            std::lock_guard lock(mutex_);
            try {
                const int wanted = std::min(job.max_workers, kMaxPoolThreads);
                while (n_threads_ < wanted) {
                    std::thread([this] { work(); }).detach();
                    ++n_threads_;
                }
            } catch (const std::system_error&) {
                // The system gives no more threads: the caller and the helpers there are do all of it.
            }
            jobs_.push_back(&job);
        }
        for (int helper = 0; helper < job.max_workers; ++helper) wake_.notify_one();
        job.run(0, true);
        std::unique_lock lock(mutex_);
        jobs_.remove(&job);
        while (job.active > 0) {
            job.idle.wait_for(lock, std::chrono::milliseconds(50));
            if (job.active > 0 && !job.stop.load()) {
                lock.unlock();
                if (interrupted()) job.fail(std::make_exception_ptr(Interrupted{}));
                lock.lock();
            }
        }
    }

  private:
    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            const auto it = std::find_if(jobs_.begin(), jobs_.end(), [](const Job* j) { return j->open(); });
            if (it == jobs_.end()) {
                wake_.wait(lock);
                continue;
            }
            Job& job = **it;
            const int slot = ++job.joined;
            ++job.active;
            lock.unlock();
            job.run(slot, false);
            lock.lock();
            if (--job.active == 0) job.idle.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::list<Job*> jobs_;
    int n_threads_ = 0;
};

// Never destroyed: detached workers may outlive static destruction. A forked child gets a fresh pool, because
// the parent's threads do not exist there and its mutex may be locked for ever.
std::atomic<Pool*> the_pool{nullptr};

Pool& pool() {
    static const int registered = pthread_atfork(nullptr, nullptr, [] { the_pool.store(nullptr); });
    (void)registered;
    Pool* p = the_pool.load();
    if (p == nullptr) {
        Pool* fresh = new Pool;
        if (the_pool.compare_exchange_strong(p, fresh)) return *fresh;
        delete fresh;
    }
    return *p;
}

// CPUs granted by a cgroup v2 quota, or 0 when there is none.
int cgroup_cpu_limit() {
    std::ifstream file("/sys/fs/cgroup/cpu.max");
    std::string quota;
    double period = 0;
    if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
    return std::max(1, static_cast<int>(std::strtod(quota.c_str(), nullptr) / period + 0.5));
}

int usable_processors() {
    cpu_set_t mask;
    int n = static_cast<int>(std::thread::hardware_concurrency());
    if (sched_getaffinity(0, sizeof mask, &mask) == 0) n = CPU_COUNT(&mask);
    static const int quota = cgroup_cpu_limit();
    if (quota > 0) n = std::min(n, quota);
    return std::max(1, n);
}

// The same for the whole process, so that an op and its loops agree.
int most_threads() {
    static const int most =
        std::clamp(kThreadsPerProcessor * usable_processors(), kLeastLimit, kMaxPoolThreads);
    return most;
}

}  // namespace

int default_thread_count() {
    if (const char* value = std::getenv("COTERIE_NUM_THREADS")) {
        const int n = std::atoi(value);
        if (n > 0) return std::min(n, most_threads());
    }
    return usable_processors();
}

int resolve_thread_count(int n_threads) {
    return n_threads > 0 ? std::min(n_threads, most_threads()) : default_thread_count();
}

void parallel_for(index_t n_tasks, int n_threads, const std::function<void(index_t, int)>& body) {
    if (n_tasks <= 0) return;
    const int threads = static_cast<int>(std::min<index_t>(resolve_thread_count(n_threads), n_tasks));
    Job job(body, n_tasks, threads - 1);
    if (threads == 1) {
        job.run(0, true);
    } else {
        pool().run(job);
    }
    if (job.error) std::rethrow_exception(job.error);
}

void parallel_for_rows(index_t n_rows, index_t chunk_size, int n_threads,
                       const std::function<void(index_t, index_t, int)>& body) {
    parallel_for(ceil_div(n_rows, chunk_size), n_threads, [&](index_t task, int slot) {
        const index_t begin = task * chunk_size;
        body(begin, std::min(begin + chunk_size, n_rows), slot);
    });
}

}  // namespace coterie
