# Time of vegan::adonis2 on simulated experiments: Rscript bench_power_community.R folder n_sim permutations cores
suppressMessages(library(vegan))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
n_sim <- as.integer(arguments[2])
permutations <- as.integer(arguments[3])
cores <- as.integer(arguments[4])
arms <- read.csv(file.path(folder, "arms.csv"), stringsAsFactors = TRUE)
as_distances <- function(number) {
  values <- scan(file.path(folder, paste0(number, ".csv")), quiet = TRUE)
  structure(values, class = "dist", Size = nrow(arms), Diag = FALSE, Upper = FALSE, method = "bray")
}
studies <- lapply(seq_len(n_sim), as_distances)
set.seed(1)
run <- function(distances, parallel = 1) {
  adonis2(distances ~ arm, arms, permutations = permutations, parallel = parallel)[["Pr(>F)"]][1]
}
invisible(run(studies[[1]]))
alone <- system.time(p <- vapply(studies, run, numeric(1)))
processor <- alone[["user.self"]] + alone[["sys.self"]]
parallel <- system.time(vapply(studies, run, numeric(1), parallel = cores))[["elapsed"]]
cat(sprintf('{"processor": %.6f, "parallel": %.6f, "power": %.4f}\n', processor / n_sim, parallel / n_sim, mean(p <= 0.05)))
