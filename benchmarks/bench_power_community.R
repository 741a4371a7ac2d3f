# Time of vegan::adonis2 on simulated experiments: Rscript bench_power_community.R folder n_sim permutations
suppressMessages(library(vegan))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
n_sim <- as.integer(arguments[2])
permutations <- as.integer(arguments[3])
arms <- read.csv(file.path(folder, "arms.csv"), stringsAsFactors = TRUE)
as_distances <- function(number) {
  values <- scan(file.path(folder, paste0(number, ".csv")), quiet = TRUE)
  structure(values, class = "dist", Size = nrow(arms), Diag = FALSE, Upper = FALSE, method = "bray")
}
studies <- lapply(seq_len(n_sim), as_distances)
set.seed(1)
run <- function(distances) adonis2(distances ~ arm, arms, permutations = permutations)[["Pr(>F)"]][1]
invisible(run(studies[[1]]))
taken <- system.time(p <- vapply(studies, run, numeric(1)))[["elapsed"]]
cat(sprintf('{"seconds": %.6f, "power": %.4f}\n', taken / n_sim, mean(p <= 0.05)))
