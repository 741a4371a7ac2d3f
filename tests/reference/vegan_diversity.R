# Reference values for alpha and beta diversity, rarefaction and principal coordinates from vegan.
#
#   Rscript tests/reference/vegan_diversity.R tests/reference
#
# Writes vegan_table.csv (a simulated table), vegan_alpha.csv, vegan_distances.csv and vegan_pcoa.csv.
# Made with R 4.2.2 and vegan 2.6-4.
suppressMessages(library(vegan))

folder <- commandArgs(trailingOnly = TRUE)
if (length(folder) != 1) stop("give the folder to write to: Rscript vegan_diversity.R tests/reference")
set.seed(20)

samples <- 24
features <- 30
base <- rgamma(features, shape = 0.3)
shares <- t(replicate(samples, base * rlnorm(features, sd = 1.2)))
depths <- round(exp(seq(log(150), log(6000), length.out = samples)))
counts <- t(sapply(seq_len(samples), function(i) rmultinom(1, depths[i], shares[i, ])[, 1]))
rownames(counts) <- sprintf("s%02d", seq_len(samples))
colnames(counts) <- sprintf("f%02d", seq_len(features))
counts <- counts[, colSums(counts) > 0]

save <- function(frame, name) {
  numbers <- sapply(frame, is.numeric)
  frame[numbers] <- lapply(frame[numbers], sprintf, fmt = "%.17g")
  write.csv(frame, file.path(folder, name), row.names = FALSE, quote = FALSE)
}
save(data.frame(sample_id = rownames(counts), counts), "vegan_table.csv")

estimates <- estimateR(counts)
rarefied <- rarefy(counts, 100, se = TRUE)
save(data.frame(
  sample_id = rownames(counts),
  observed_features = specnumber(counts),
  shannon = diversity(counts, "shannon"),
  shannon_base2 = diversity(counts, "shannon", base = 2),
  simpson = diversity(counts, "simpson"),
  inv_simpson = diversity(counts, "invsimpson"),
  pielou_e = diversity(counts) / log(specnumber(counts)),
  chao1 = estimates["S.chao1", ],
  ace = estimates["S.ACE", ],
  renyi(counts, scales = c(0, 0.5, 1, 2, Inf), hill = TRUE) |>
    setNames(c("hill_0", "hill_0.5", "hill_1", "hill_2", "hill_inf")),
  richness_at_100 = rarefied["S", ],
  richness_at_100_sd = rarefied["se", ],
  check.names = FALSE
), "vegan_alpha.csv")

shares <- decostand(counts, "total")
divergence <- function(p, q) {
  m <- (p + q) / 2
  part <- function(a) sum(ifelse(a > 0, a * log(a / m), 0))
  sqrt((part(p) + part(q)) / 2)
}
pairs <- t(combn(samples, 2))
distances <- list(
  braycurtis = vegdist(counts, "bray"),
  jaccard = vegdist(counts, "jaccard", binary = TRUE),
  aitchison = vegdist(counts, "aitchison", pseudocount = 0.5),
  robust_aitchison = vegdist(counts, "robust.aitchison")
)
table <- data.frame(first = rownames(counts)[pairs[, 1]], second = rownames(counts)[pairs[, 2]])
for (name in names(distances)) table[[name]] <- as.matrix(distances[[name]])[pairs]
table$jensenshannon <- apply(pairs, 1, function(p) divergence(shares[p[1], ], shares[p[2], ]))
save(table, "vegan_distances.csv")

ordination <- cmdscale(distances$braycurtis, k = 5, eig = TRUE)
eigenvalues <- ordination$eig
save(data.frame(
  sample_id = rownames(counts),
  setNames(as.data.frame(ordination$points), paste0("PC", 1:5)),
  eigenvalue = eigenvalues
), "vegan_pcoa.csv")
