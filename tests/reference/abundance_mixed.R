# Mixed models of centred log-ratios as lme4 and nlme fit them: the reference for method = "clr".
#
#   Rscript tests/reference/abundance_mixed.R tests/reference
#
# Writes abundance_mixed_counts.csv (a simulated table: 4 cages an arm, 3 mice a cage, 1 to 3 samples a mouse;
# `drug` is given to cages, `food` changes within mice) and abundance_mixed.csv (estimate, standard error,
# degrees of freedom and p-value of the treatment for each feature, one block for each design).

suppressMessages({
  library(lme4)
  library(nlme)
})
folder <- commandArgs(trailingOnly = TRUE)[1]
set.seed(20261122)

cages <- paste0("cage", 1:8)
rows <- do.call(rbind, lapply(seq_along(cages), function(k) do.call(rbind, lapply(1:3, function(j) {
  n <- sample(2:4, 1)
  data.frame(cage = cages[k], mouse = paste0(cages[k], "m", j), drug = ifelse(k %% 2 == 0, "yes", "no"),
             food = rep(c("chow", "fat"), length.out = n), age = round(rnorm(1, 60, 8)))
}))))
rows$sample <- sprintf("s%02d", seq_len(nrow(rows)))

n_features <- 6
effect <- function(names, sd) matrix(rnorm(length(unique(names)) * n_features, 0, sd), ncol = n_features)[
  match(names, unique(names)), ]
logs <- rep(1, nrow(rows)) %o% c(3, 2, 1, 0, -1, 1.5) +
  effect(rows$cage, 0.5) + effect(rows$mouse, 0.4) + effect(paste(rows$mouse, rows$food), 0.3) +
  matrix(rnorm(nrow(rows) * n_features, 0, 0.4), ncol = n_features)
logs[, 1] <- logs[, 1] + 0.8 * (rows$drug == "yes")
logs[, 4] <- logs[, 4] - 1.0 * (rows$food == "fat")
counts <- t(apply(exp(logs), 1, function(p) rmultinom(1, rpois(1, 2000), p)))
colnames(counts) <- paste0("f", seq_len(n_features))
write.csv(cbind(rows, counts), file.path(folder, "abundance_mixed_counts.csv"), row.names = FALSE)

clr <- log(counts + 0.5)
clr <- clr - rowMeans(clr)
rows$cell <- paste(rows$mouse, rows$food)
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.1, rhoend = 1e-11, maxfun = 1e5),
                     calc.derivs = FALSE, check.conv.singular = "ignore")

# Estimate and standard error by lme4, whose search can be made exact; degrees of freedom by nlme.
fitted <- function(design, term, fixed, lme4_random, nlme_random) {
  do.call(rbind, lapply(colnames(counts), function(feature) {
    data <- rows
    data$y <- clr[, feature]
    fit <- lmer(update(fixed, lme4_random), data = data, REML = TRUE, control = tight)
    row <- coef(summary(fit))[term, ]
    df <- summary(lme(fixed, random = nlme_random, data = data, method = "REML",
                      control = lmeControl(opt = "optim")))$tTable[term, "DF"]
    data.frame(design = design, feature = feature, estimate = row["Estimate"], se = row["Std. Error"],
               df = df, p = 2 * pt(-abs(row["t value"]), df))
  }))
}

result <- rbind(
  fitted("mouse", "drugyes", y ~ drug, . ~ . + (1 | mouse), ~ 1 | mouse),
  fitted("cage_mouse", "drugyes", y ~ drug, . ~ . + (1 | cage / mouse), ~ 1 | cage / mouse),
  fitted("cage_mouse_age", "drugyes", y ~ drug + age, . ~ . + (1 | cage / mouse), ~ 1 | cage / mouse),
  fitted("food_within_mouse", "foodfat", y ~ food, . ~ . + (1 | mouse / cell), ~ 1 | mouse / cell)
)
for (name in c("estimate", "se", "p")) result[[name]] <- signif(result[[name]], 12)
write.csv(result, file.path(folder, "abundance_mixed.csv"), row.names = FALSE)
message("R ", getRversion(), ", lme4 ", packageVersion("lme4"), ", nlme ", packageVersion("nlme"))
